package config

import (
	"math"
	"path"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/words"
)

func (c *checker) hooks() {
	if c.spec.Hooks == nil {
		return
	}
	for _, name := range words.HookNames {
		for i, h := range words.HooksOf(c.spec.Hooks, name) {
			at := place.At("/hooks").Key(name).Index(i)
			if !path.IsAbs(h.Path) {
				c.errorf(at.Key("path"), "hook path %q is not absolute", h.Path)
			}
			switch {
			case h.Timeout == nil:
			case *h.Timeout <= 0:
				c.errorf(at.Key("timeout"), "timeout %d is not greater than zero", *h.Timeout)
			case *h.Timeout > math.MaxInt32:
				c.errorf(at.Key("timeout"), "timeout of %d seconds is longer than %d", *h.Timeout, math.MaxInt32)
			}
		}
	}
}
