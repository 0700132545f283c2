package config

import (
	"path"

	"github.com/runnel/runnel/internal/place"
)

func (c *checker) protectedPaths() {
	c.absolutePaths(place.At("/linux/readonlyPaths"), c.spec.Linux.ReadonlyPaths)
	c.absolutePaths(place.At("/linux/maskedPaths"), c.spec.Linux.MaskedPaths)
}

func (c *checker) absolutePaths(at place.Place, list []string) {
	for i, p := range list {
		switch {
		case !path.IsAbs(p):
			c.errorf(at.Index(i), "path %q is not absolute", p)
		case path.Clean(p) == "/":
			c.errorf(at.Index(i), "path %q is the container's root itself", p)
		}
	}
}
