package config

import (
	"path"
	"strconv"
)

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
