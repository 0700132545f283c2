package specconv

import (
	"path"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

// protectedPaths plans readonlyPaths before maskedPaths, so that a path in both is
// masked.
func (b *builder) protectedPaths() {
	if b.spec.Linux == nil {
		return
	}
	for i, p := range b.spec.Linux.ReadonlyPaths {
		b.add(place.At("/linux/readonlyPaths").Index(i), plan.Readonly{Path: path.Clean(p)})
	}
	for i, p := range b.spec.Linux.MaskedPaths {
		b.add(place.At("/linux/maskedPaths").Index(i), plan.Mask{Path: path.Clean(p)})
	}
}
