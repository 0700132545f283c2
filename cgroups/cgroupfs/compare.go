package cgroupfs

import (
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// tookEffect reports whether a control file that has actual is as a write of asked wants
// it. A value in an unknown format is taken to be. Only the last part of the path matters.
func tookEffect(file, asked, actual string) bool {
	if file = path.Base(file); strings.HasPrefix(file, "cpuset.") {
		want, ok := parseBits(asked)
		have, ok2 := parseBits(actual)
		return !ok || !ok2 || slices.Equal(want, have)
	}
	want, have := strings.Fields(asked), strings.Fields(actual)
	if len(have) == 0 && len(want) > 1 {
		// A line that isn't there means no limit.
		return !slices.ContainsFunc(want[1:], func(text string) bool { return !isNoLimit(text) })
	}
	for i, text := range want {
		if name, value, ok := strings.Cut(text, "="); ok {
			at := slices.IndexFunc(have, func(h string) bool { return strings.HasPrefix(h, name+"=") })
			if at >= 0 && !isSame(value, strings.TrimPrefix(have[at], name+"=")) {
				return false
			}
		} else if i < len(have) && !isSame(text, have[i]) {
			return false
		}
	}
	return true
}

// isNoLimit reports whether a value removes the limit of a device.
func isNoLimit(text string) bool {
	_, value, ok := strings.Cut(text, "=")
	if !ok {
		value = text
	}
	return value == "max" || value == "0" || value == "default"
}

// isSame compares two values. Only numbers and "max" are comparable.
func isSame(asked, actual string) bool {
	if asked == actual {
		return true
	}
	a, ok := parseValue(asked)
	b, ok2 := parseValue(actual)
	return !ok || !ok2 || a == b
}

// parseValue parses a number as the kernel's memparse does. Whatever is beyond the
// kernel's page counters means no limit, as do "max" and negative numbers.
func parseValue(text string) (n float64, ok bool) {
	if text == "max" || text == "default" {
		return math.Inf(1), text == "max"
	}
	digits := strings.TrimRight(text, "kKmMgGtTpP")
	if strings.HasPrefix(text, "+") || len(text)-len(digits) > 1 {
		return 0, false
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, false
	}
	if len(text) > len(digits) {
		unit := strings.IndexByte("KMGTP", strings.ToUpper(text)[len(digits)])
		n *= math.Pow(1024, float64(unit+1))
	}
	const most = math.MaxInt64 - 1<<22
	if n < 0 || n >= most {
		n = math.Inf(1)
	}
	return n, true
}

// parseBits parses a plain list such as 0-2,4 into its sorted numbers.
func parseBits(list string) (bits []int, ok bool) {
	const most = 1 << 16 // more than any kernel supports
	for item := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		from, to, isSpan := strings.Cut(item, "-")
		if !isSpan {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || first < 0 || last >= most {
			return nil, false
		}
		for n := first; n <= last; n++ {
			bits = append(bits, n)
		}
	}
	slices.Sort(bits)
	return slices.Compact(bits), true
}
