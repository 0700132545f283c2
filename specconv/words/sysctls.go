package words

import "strings"

// SysctlPath returns the path below /proc/sys of a key of linux.sysctl, as sysctl(8)
// does: the first separator decides which of "." and "/" separates, so that a name
// can hold the other: net/ipv4/conf/eth0.100/forwarding.
func SysctlPath(key string) string {
	if i := strings.IndexAny(key, "./"); i < 0 || key[i] == '/' {
		return key
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, key)
}
