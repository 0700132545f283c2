package limits

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// SortedKeys returns the keys of m in order, so that the order of writes is fixed.
func SortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

// PageSizes returns the sizes of huge pages that the kernel supports, in the
// format of hugetlb file names: 2MB, 1GB. It is nil if they can't be read.
func PageSizes() []string {
	dir, err := os.Open("/sys/kernel/mm/hugepages")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	return pageSizes(names)
}

// pageSizes converts names such as hugepages-2048kB into sizes, smallest first.
func pageSizes(names []string) []string {
	var kilobytes []uint64
	for _, name := range names {
		text, ok := strings.CutPrefix(name, "hugepages-")
		text, ok2 := strings.CutSuffix(text, "kB")
		if n, err := strconv.ParseUint(text, 10, 64); ok && ok2 && err == nil {
			kilobytes = append(kilobytes, n)
		}
	}
	slices.Sort(kilobytes)
	sizes := make([]string, len(kilobytes))
	for i, n := range kilobytes {
		unit := "KB"
		for _, larger := range []string{"MB", "GB"} {
			if n%1024 != 0 {
				break
			}
			n, unit = n/1024, larger
		}
		sizes[i] = strconv.FormatUint(n, 10) + unit
	}
	return sizes
}
