package config

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
)

func (c *checker) intelRdt() {
	r := c.spec.Linux.IntelRdt
	if r == nil {
		return
	}
	if !c.host.IntelRDT {
		c.errorf(place.At("/linux/intelRdt"), "intelRdt is specified in config, but Intel RDT is not enabled")
	}
	if id := r.ClosID; id == "." || id == ".." || id != "/" && strings.Contains(id, "/") {
		c.errorf(place.At("/linux/intelRdt/closID"), "invalid intelRdt.ClosID %q", id)
	}
	c.schemata(r)
}

// schemata checks that each of the lines, which are written to a file, is only one.
func (c *checker) schemata(r *specs.LinuxIntelRdt) {
	at := place.At("/linux/intelRdt")
	// Several lines are deprecated there, but still common.
	for line := range strings.Lines(r.L3CacheSchema) {
		if strings.HasPrefix(line, "MB:") {
			c.warnf(at.Key("l3CacheSchema"), "the line %q is ignored", strings.TrimSpace(line)).Hint = "it belongs in memBwSchema"
		} else if !strings.HasPrefix(line, "L3:") {
			c.warnf(at.Key("l3CacheSchema"), "%q doesn't start with L3:", strings.TrimSpace(line))
		}
	}
	if s := r.MemBwSchema; s != "" && (!strings.HasPrefix(s, "MB:") || strings.Contains(s, "\n")) {
		c.errorf(at.Key("memBwSchema"), "%q is not one line that starts with MB:", s)
	}
	for i, s := range r.Schemata {
		if strings.Contains(s, "\n") {
			c.errorf(at.Key("schemata").Index(i), "%q is more than one line", s)
		}
	}
}

// blockWeights reports entries without a weight, which would compile to nothing. All
// other limits are checked where they are compiled, in the cgroups package.
func (c *checker) blockWeights() {
	r := c.spec.Linux.Resources
	if r == nil || r.BlockIO == nil {
		return
	}
	for i := range r.BlockIO.WeightDevice {
		if d := &r.BlockIO.WeightDevice[i]; d.Weight == nil && d.LeafWeight == nil {
			c.errorf(place.At("/linux/resources/blockIO/weightDevice").Index(i), "neither weight nor leafWeight is given")
		}
	}
}
