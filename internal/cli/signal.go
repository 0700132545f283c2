package cli

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The real-time signals that programs may use, see signal(7). glibc reserves the
// first two of the kernel.
const (
	firstRealTime = 34
	lastRealTime  = 64
)

// parseSignal parses a number, or a name with or without SIG in any case.
func parseSignal(text string) (unix.Signal, error) {
	if text == "" {
		return unix.SIGTERM, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		if n < 0 || n > lastRealTime {
			return 0, fmt.Errorf("unknown signal %q", text)
		}
		return unix.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if s := unix.SignalNum("SIG" + name); s != 0 {
		return s, nil
	}
	if s, ok := realTime(name); ok {
		return s, nil
	}
	return 0, fmt.Errorf("unknown signal %q", text)
}

// realTime parses RTMIN, RTMIN+n, RTMAX and RTMAX-n.
func realTime(name string) (unix.Signal, bool) {
	base, sign, rest := 0, "", ""
	switch {
	case strings.HasPrefix(name, "RTMIN"):
		base, sign, rest = firstRealTime, "+", name[len("RTMIN"):]
	case strings.HasPrefix(name, "RTMAX"):
		base, sign, rest = lastRealTime, "-", name[len("RTMAX"):]
	default:
		return 0, false
	}
	if rest == "" {
		return unix.Signal(base), true
	}
	offset, isSigned := strings.CutPrefix(rest, sign)
	n, err := strconv.ParseUint(offset, 10, 8) // no further sign
	if err != nil || !isSigned {
		return 0, false
	}
	s := base + int(n)
	if sign == "-" {
		s = base - int(n)
	}
	return unix.Signal(s), s >= firstRealTime && s <= lastRealTime
}
