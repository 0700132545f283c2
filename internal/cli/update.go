package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/specconv/config"
)

func updateCommand() *command {
	return &command{
		name: "update", summary: "change the limits of a container", arguments: "ID", least: 1, most: 1,
		description: `Only what is given is changed. SIZE is in bytes, or has a unit k, m, g, t or p of
powers of 1024; -1 takes a limit away. --resources takes an object like
linux.resources in config.json; of the other options only the schemas count then.`,
		example: `runnel update web --memory 64m --pids-limit 100
echo '{"cpu":{"quota":50000}}' | runnel update --resources - web`,
		flags: updateFlags(),
		run:   runUpdate,
	}
}

func updateFlags() []flag {
	option := func(name, value, usage string) flag {
		return flag{name: name, kind: text, value: value, usage: usage}
	}
	gone := func(name string) flag {
		return flag{name: name, kind: text, value: "SIZE", hidden: true, usage: "accepted and ignored: kernels have no such limit any more"}
	}
	return []flag{
		{name: "resources", short: "r", kind: text, value: "FILE", usage: "read all from FILE, JSON, - for standard input"},
		option("blkio-weight", "N", "share of block I/O, 10 to 1000"),
		option("cpu-period", "USEC", "CFS period"),
		option("cpu-quota", "USEC", "CPU time in a CFS period, -1 for no limit"),
		option("cpu-burst", "USEC", "CPU time that can be saved up for later periods"),
		option("cpu-share", "N", "share of CPU time, beside that of others"),
		option("cpu-rt-period", "USEC", "period of real-time scheduling"),
		option("cpu-rt-runtime", "USEC", "real-time CPU time in such a period"),
		option("cpuset-cpus", "LIST", "CPUs to use, such as 0-2,4"),
		option("cpuset-mems", "LIST", "memory nodes to use"),
		option("memory", "SIZE", "memory limit"),
		option("memory-reservation", "SIZE", "memory that is left when others need some"),
		option("memory-swap", "SIZE", "limit of memory and swap together"),
		gone("kernel-memory"), gone("kernel-memory-tcp"),
		option("pids-limit", "N", "number of processes, -1 for no limit"),
		option("cpu-idle", "N", "1 to use only CPU time that nobody wants, 0 not to"),
		option("l3-cache-schema", "SCHEMA", "Intel RDT cache schema"),
		option("mem-bw-schema", "SCHEMA", "Intel RDT memory bandwidth schema"),
	}
}

func runUpdate(c *call) error {
	resources, err := c.resources()
	if err != nil {
		return misuse(err)
	}
	rdt := c.intelRdt()
	return c.onContainer(func(container *libcontainer.Container) error { return container.Update(resources, rdt) })
}

// intelRdt is nil if nothing of it was given.
func (c *call) intelRdt() *specs.LinuxIntelRdt {
	r := specs.LinuxIntelRdt{L3CacheSchema: c.text("l3-cache-schema"), MemBwSchema: c.text("mem-bw-schema")}
	if r.L3CacheSchema == "" && r.MemBwSchema == "" {
		return nil
	}
	return &r
}

// resources has what was given, and nothing else.
func (c *call) resources() (*specs.LinuxResources, error) {
	if path := c.text("resources"); path != "" {
		return c.readResources(path)
	}
	u := &limits{values: &c.values}
	r := &specs.LinuxResources{Memory: u.memory(), CPU: u.cpu(), Pids: u.pids(), BlockIO: u.blockIO()}
	return r, u.err
}

// readResources reads linux.resources, config-linux.md#control-groups.
func (c *call) readResources(path string) (*specs.LinuxResources, error) {
	name, content, err := path, []byte(nil), error(nil)
	if path == "-" {
		name = "standard input"
		content, err = io.ReadAll(c.stdin)
	} else {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("--resources: %w", err)
	}
	r := &specs.LinuxResources{}
	return r, config.DecodeResources(name, content, r)
}

// limits reads flags as limits and keeps the first error. A flag that wasn't
// given, or is empty, is no limit: nil.
type limits struct {
	values *values
	err    error
}

// value reads a flag with parse.
func value[T any](l *limits, name string, parse func(string) (T, error)) *T {
	given := l.values.text(name)
	if given == "" {
		return nil
	}
	v, err := parse(given)
	if err == nil {
		return &v
	}
	var detail *strconv.NumError
	if errors.As(err, &detail) {
		err = detail.Err // the text is in the message already
	}
	if l.err == nil {
		l.err = fmt.Errorf("invalid value %q for --%s: %w", given, name, err)
	}
	return nil
}

func parseSigned(text string) (int64, error)    { return strconv.ParseInt(text, 10, 64) }
func parseUnsigned(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) }

func parseWeight(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err == nil && n > 1000 {
		err = strconv.ErrRange
	}
	return uint16(n), err
}

func (l *limits) memory() *specs.LinuxMemory {
	m := specs.LinuxMemory{
		Limit:       value(l, "memory", parseSize),
		Reservation: value(l, "memory-reservation", parseSize),
		Swap:        value(l, "memory-swap", parseSize),
	}
	if m.Limit != nil && *m.Limit == -1 && m.Swap == nil {
		m.Swap = m.Limit // memory without a limit can't have swap with one
	}
	if m.Limit == nil && m.Reservation == nil && m.Swap == nil {
		return nil
	}
	return &m
}

func (l *limits) cpu() *specs.LinuxCPU {
	c := specs.LinuxCPU{
		Shares:          value(l, "cpu-share", parseUnsigned),
		Quota:           value(l, "cpu-quota", parseSigned),
		Burst:           value(l, "cpu-burst", parseUnsigned),
		Period:          value(l, "cpu-period", parseUnsigned),
		RealtimeRuntime: value(l, "cpu-rt-runtime", parseSigned),
		RealtimePeriod:  value(l, "cpu-rt-period", parseUnsigned),
		Idle:            value(l, "cpu-idle", parseSigned),
		Cpus:            l.values.text("cpuset-cpus"),
		Mems:            l.values.text("cpuset-mems"),
	}
	if c == (specs.LinuxCPU{}) {
		return nil
	}
	return &c
}

func (l *limits) pids() *specs.LinuxPids {
	limit := value(l, "pids-limit", parseSigned)
	if limit == nil {
		return nil
	}
	return &specs.LinuxPids{Limit: limit}
}

func (l *limits) blockIO() *specs.LinuxBlockIO {
	weight := value(l, "blkio-weight", parseWeight)
	if weight == nil {
		return nil
	}
	return &specs.LinuxBlockIO{Weight: weight}
}
