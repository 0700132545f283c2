package words

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// maxListed is more than the number of CPUs or memory nodes of any kernel.
const maxListed = 1 << 13

// ParseList parses a list such as "0-3,7", cpuset(7), into a bit mask of whole words
// for sched_setaffinity(2) and set_mempolicy(2). "" is nil.
func ParseList(list string) ([]byte, error) {
	var words []uint64
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseUint(from, 10, 32)
		last, err2 := strconv.ParseUint(to, 10, 32)
		switch {
		case err1 != nil || err2 != nil:
			return nil, fmt.Errorf("%q is neither a number nor a range", part)
		case first > last:
			return nil, fmt.Errorf("range %q goes backwards", part)
		case last >= maxListed:
			return nil, fmt.Errorf("%d is out of range", last)
		}
		for uint64(len(words)) <= last/64 {
			words = append(words, 0)
		}
		for n := first; n <= last; n++ {
			words[n/64] |= 1 << (n % 64)
		}
	}
	mask := make([]byte, 0, 8*len(words))
	for _, w := range words {
		mask = binary.NativeEndian.AppendUint64(mask, w)
	}
	return mask, nil
}
