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

func (c *checker) protectedPaths() {
	c.absolutePaths("/linux/readonlyPaths/", c.spec.Linux.ReadonlyPaths)
	c.absolutePaths("/linux/maskedPaths/", c.spec.Linux.MaskedPaths)
}

func (c *checker) absolutePaths(at string, list []string) {
	for i, p := range list {
		switch {
		case !path.IsAbs(p):
			c.errorf(at+strconv.Itoa(i), "path %q is not absolute", p)
		case path.Clean(p) == "/":
			c.errorf(at+strconv.Itoa(i), "path %q is the container's root itself", p)
		}
	}
}
