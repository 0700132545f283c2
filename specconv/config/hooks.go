package config

import (
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
			if h.Timeout != nil && (*h.Timeout <= 0 || *h.Timeout > 1<<31-1) {
				c.errorf(at.Key("timeout"), "timeout %d is not greater than zero", *h.Timeout)
			}
		}
	}
}
