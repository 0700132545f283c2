package config

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/specconv/words"
)

func (c *checker) resourceLimits(at place.Place, list []specs.POSIXRlimit) {
	for i := range list {
		r := &list[i]
		here := at.Index(i)
		if _, ok := words.Rlimit(r.Type); !ok {
			c.errorf(here.Key("type"), "invalid rlimit type: %s", r.Type).Hint = spelling.Hint(r.Type, words.RlimitNames())
		}
		if r.Soft > r.Hard {
			c.errorf(here, "%s: the soft limit %d is above the hard limit %d", r.Type, r.Soft, r.Hard)
		}
		for j := range list[:i] {
			if list[j].Type == r.Type {
				c.errorf(here.Key("type"), "duplicate rlimit type %s", r.Type)
				break
			}
		}
	}
}
