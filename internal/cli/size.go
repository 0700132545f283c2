package cli

import (
	"errors"
	"strconv"
	"strings"
)

var errSize = errors.New("not a size such as 1048576, 64m or 1.5g")

// parseSize parses a number of bytes as runc does: a number with a unit of powers of
// 1024, one of b, k, m, g, t and p in any case, also written kb or KiB. -1 means no
// limit.
func parseSize(text string) (int64, error) {
	if text == "-1" {
		return -1, nil
	}
	digits := text
	if end := strings.LastIndexAny(text, "0123456789"); end >= 0 {
		digits = text[:end+1]
	}
	shift, ok := unitShift(strings.ToLower(strings.TrimPrefix(text[len(digits):], " ")))
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		return 0, errSize
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		if n > int64(1<<63-1)>>shift {
			return 0, strconv.ErrRange
		}
		return n << shift, nil
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, errSize
	}
	if n *= float64(uint64(1) << shift); n >= 1<<63 {
		return 0, strconv.ErrRange
	}
	return int64(n), nil
}

// unitShift returns the power of two of a lower-case unit.
func unitShift(unit string) (shift int, ok bool) {
	if unit == "" || unit == "b" {
		return 0, true
	}
	power := strings.IndexByte("kmgtp", unit[0])
	rest := unit[1:]
	return 10 * (power + 1), power >= 0 && (rest == "" || rest == "b" || rest == "ib")
}
