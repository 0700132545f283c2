package config

import (
	"path"
	"strconv"

	"github.com/runnel/runnel/specconv/words"
)

func (c *checker) hooks() {
	if c.spec.Hooks == nil {
		return
	}
	for _, name := range words.HookNames {
		for i, h := range words.HooksOf(c.spec.Hooks, name) {
			at := "/hooks/" + name + "/" + strconv.Itoa(i)
			if !path.IsAbs(h.Path) {
				c.errorf(at+"/path", "hook path %q is not absolute", h.Path)
			}
			if h.Timeout != nil && (*h.Timeout <= 0 || *h.Timeout > 1<<31-1) {
				c.errorf(at+"/timeout", "timeout %d is not greater than zero", *h.Timeout)
			}
		}
	}
}
