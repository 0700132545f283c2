package config

import (
	"math/bits"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// Capabilities are the five sets of capabilities(7), as bits.
type Capabilities struct {
	Bounding, Effective, Inheritable, Permitted, Ambient uint64
}

// droppedCapabilities are those of one set of a config that can't be granted.
type droppedCapabilities struct {
	name    string
	unknown []string
	dropped uint64
	// why has the reason for one of them and for several.
	why [2]string
}

// GrantCapabilities returns the five sets of a config without what the kernel would
// refuse: more than is available, or more than the set that limits another one. Both
// deserve only a warning, config.md "Linux Process".
func GrantCapabilities(caps *specs.LinuxCapabilities, available uint64) Capabilities {
	granted, _ := grantCapabilities(caps, available)
	return granted
}

func grantCapabilities(caps *specs.LinuxCapabilities, available uint64) (out Capabilities, lost []droppedCapabilities) {
	if caps == nil {
		return out, nil
	}
	resolve := func(name string, list []string, limit uint64, one, many string) uint64 {
		set, unknown := words.CapabilityMask(list)
		if d := set &^ limit; d != 0 || len(unknown) > 0 {
			lost = append(lost, droppedCapabilities{name: name, unknown: unknown, dropped: d, why: [2]string{one, many}})
		}
		return set & limit
	}
	const it, them = "the runtime doesn't have it", "the runtime doesn't have them"
	out.Bounding = resolve("bounding", caps.Bounding, available, it, them)
	out.Permitted = resolve("permitted", caps.Permitted, available, it, them)
	out.Effective = resolve("effective", caps.Effective, out.Permitted, "it isn't in the permitted set", "they aren't in the permitted set")
	out.Inheritable = resolve("inheritable", caps.Inheritable, out.Bounding, "it isn't in the bounding set", "they aren't in the bounding set")
	out.Ambient = resolve("ambient", caps.Ambient, out.Permitted&out.Inheritable,
		"it isn't in both the permitted and the inheritable set", "they aren't in both the permitted and the inheritable set")
	return out, lost
}

// AvailableCapabilities returns those that the process has in its namespaces: all of
// them in a user namespace.
func AvailableCapabilities(n Namespaces, host *host.Host) uint64 {
	if n.Has(unix.CLONE_NEWUSER) {
		return ^uint64(0)
	}
	return host.Permitted
}

func (c *checker) capabilities(at place.Place, caps *specs.LinuxCapabilities) {
	_, lost := grantCapabilities(caps, AvailableCapabilities(c.ns, c.host))
	for _, l := range lost {
		if len(l.unknown) > 0 {
			hint := spelling.Hint(l.unknown[0], words.CapabilityNames[:])
			c.warnf(at.Key(l.name), "ignoring unknown capabilities: %s", strings.Join(l.unknown, ", ")).Hint = hint
		}
		if l.dropped != 0 {
			why := l.why[min(bits.OnesCount64(l.dropped), 2)-1]
			c.warnf(at.Key(l.name), "cannot grant %s: %s", words.CapabilityList(l.dropped), why)
		}
	}
}
