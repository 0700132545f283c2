package specconv

import (
	"maps"
	"slices"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

func (b *builder) sysctls() {
	if b.spec.Linux == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(b.spec.Linux.Sysctl)) {
		b.add(place.At("/linux/sysctl").Key(key), plan.Sysctl{Path: words.SysctlPath(key), Value: b.spec.Linux.Sysctl[key]})
	}
}
