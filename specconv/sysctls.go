package specconv

import (
	"maps"
	"slices"
	"strconv"

	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

func (b *builder) sysctls() {
	if b.spec.Linux == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(b.spec.Linux.Sysctl)) {
		b.add("linux.sysctl["+strconv.Quote(key)+"]", plan.Sysctl{Path: words.SysctlPath(key), Value: b.spec.Linux.Sysctl[key]})
	}
}
