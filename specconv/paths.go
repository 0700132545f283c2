package specconv

import (
	"path"
	"strconv"

	"github.com/runnel/runnel/nsenter/plan"
)

// protectedPaths plans readonlyPaths and then maskedPaths, so that a path in
// both is masked.
func (b *builder) protectedPaths() {
	if b.spec.Linux == nil {
		return
	}
	for i, p := range b.spec.Linux.ReadonlyPaths {
		b.add("linux.readonlyPaths["+strconv.Itoa(i)+"]", plan.Readonly{Path: path.Clean(p)})
	}
	for i, p := range b.spec.Linux.MaskedPaths {
		b.add("linux.maskedPaths["+strconv.Itoa(i)+"]", plan.Mask{Path: path.Clean(p)})
	}
}
