package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/specconv"
)

func (s *session) update() *cli.Command {
	return &cli.Command{
		Name:      "update",
		Usage:     "change the limits of a container",
		ArgsUsage: "ID",
		Description: `Only what is given is changed. Sizes are bytes, or have a unit k, m, g or t of 1024; -1
takes a limit away. --resources takes linux.resources of config.json; other flags
don't count then.

   runnel update web --memory 64m --pids-limit 100
   echo '{"cpu":{"quota":50000}}' | runnel update --resources - web`,
		Flags: updateFlags(),
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 1); err != nil {
				return err
			}
			resources, err := updateResources(c)
			if err != nil {
				return err
			}
			container, err := s.container(c)
			if err != nil {
				return err
			}
			defer container.Close()
			return container.Update(resources)
		},
	}
}

func updateFlags() []cli.Flag {
	text := func(name, usage string) cli.Flag { return &cli.StringFlag{Name: name, Usage: usage} }
	hidden := func(name string) cli.Flag {
		return &cli.StringFlag{Name: name, Hidden: true, Usage: "accepted and ignored: kernels don't have this limit any more"}
	}
	return []cli.Flag{
		&cli.StringFlag{Name: "resources", Aliases: []string{"r"}, Usage: "read linux.resources from `FILE`, - for standard input"},
		text("blkio-weight", "weight of block I/O, 10 to 1000"),
		text("cpu-period", "CFS period in microseconds"),
		text("cpu-quota", "CFS quota in microseconds, -1 for none"),
		text("cpu-burst", "CFS burst in microseconds"),
		text("cpu-share", "CPU shares, relative to those of others"),
		text("cpu-rt-period", "real-time period in microseconds"),
		text("cpu-rt-runtime", "real-time runtime in microseconds"),
		text("cpuset-cpus", "CPUs to run on, such as 0-2,4"),
		text("cpuset-mems", "memory nodes to use"),
		text("memory", "memory limit"),
		text("memory-reservation", "soft memory limit"),
		text("memory-swap", "limit of memory and swap together"),
		hidden("kernel-memory"), hidden("kernel-memory-tcp"),
		text("pids-limit", "limit of processes, -1 for none"),
		text("cpu-idle", "1 to use only idle CPU time, 0 not to"),
		text("l3-cache-schema", "L3 cache schema of Intel RDT"),
		text("mem-bw-schema", "memory bandwidth schema of Intel RDT"),
	}
}

func updateResources(c *cli.Context) (*specs.LinuxResources, error) {
	if path := c.String("resources"); path != "" {
		return readResources(path)
	}
	for _, name := range []string{"l3-cache-schema", "mem-bw-schema"} {
		if c.IsSet(name) {
			return nil, fmt.Errorf("--%s: Intel RDT is not supported yet", name)
		}
	}
	r := &specs.LinuxResources{}
	u := &updater{c: c}
	u.memory(r)
	u.cpu(r)
	u.rest(r)
	return r, u.err
}

func readResources(path string) (*specs.LinuxResources, error) {
	var content []byte
	var err error
	name := path
	if path == "-" {
		name = "standard input"
		content, err = io.ReadAll(os.Stdin)
	} else {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("resources: %w", err)
	}
	r := &specs.LinuxResources{}
	if err := specconv.DecodeResources(name, content, r); err != nil {
		return nil, err
	}
	return r, nil
}

// updater reads flags into resources and keeps the first error.
type updater struct {
	c   *cli.Context
	err error
}

// value gives the text of a flag that was given.
func (u *updater) value(name string) (string, bool) {
	text := u.c.String(name)
	return text, u.err == nil && u.c.IsSet(name) && text != ""
}

func (u *updater) fail(name, text string, err error) {
	if u.err == nil {
		u.err = fmt.Errorf("invalid value for --%s: %q: %w", name, text, err)
	}
}

func (u *updater) signed(name string) *int64 {
	text, given := u.value(name)
	if !given {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		u.fail(name, text, err)
		return nil
	}
	return &n
}

func (u *updater) unsigned(name string) *uint64 {
	text, given := u.value(name)
	if !given {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		u.fail(name, text, err)
		return nil
	}
	return &n
}

func (u *updater) size(name string) *int64 {
	text, given := u.value(name)
	if !given {
		return nil
	}
	n, err := parseSize(text)
	if err != nil {
		u.fail(name, text, err)
		return nil
	}
	return &n
}

func (u *updater) memory(r *specs.LinuxResources) {
	m := specs.LinuxMemory{Limit: u.size("memory"), Reservation: u.size("memory-reservation"), Swap: u.size("memory-swap")}
	if m.Limit != nil && *m.Limit == -1 && m.Swap == nil {
		unlimited := int64(-1) // memory without a limit has swap without one
		m.Swap = &unlimited
	}
	if m.Limit != nil || m.Reservation != nil || m.Swap != nil {
		r.Memory = &m
	}
}

func (u *updater) cpu(r *specs.LinuxResources) {
	c := specs.LinuxCPU{
		Shares: u.unsigned("cpu-share"), Quota: u.signed("cpu-quota"), Burst: u.unsigned("cpu-burst"),
		Period: u.unsigned("cpu-period"), RealtimeRuntime: u.signed("cpu-rt-runtime"),
		RealtimePeriod: u.unsigned("cpu-rt-period"), Idle: u.signed("cpu-idle"),
	}
	c.Cpus, _ = u.value("cpuset-cpus")
	c.Mems, _ = u.value("cpuset-mems")
	if c != (specs.LinuxCPU{}) {
		r.CPU = &c
	}
}

func (u *updater) rest(r *specs.LinuxResources) {
	if limit := u.signed("pids-limit"); limit != nil {
		r.Pids = &specs.LinuxPids{Limit: limit}
	}
	if weight := u.unsigned("blkio-weight"); weight != nil {
		if *weight > 1000 {
			u.fail("blkio-weight", strconv.FormatUint(*weight, 10), strconv.ErrRange)
			return
		}
		w := uint16(*weight)
		r.BlockIO = &specs.LinuxBlockIO{Weight: &w}
	}
}

// parseSize reads a number of bytes, with a unit of powers of 1024: b, k, m, g,
// t or p, also written kb or kib. -1 means no limit.
func parseSize(text string) (int64, error) {
	if text == "-1" {
		return -1, nil
	}
	digits := strings.TrimRight(strings.ToLower(text), "bikmgtp ")
	unit := strings.TrimSpace(strings.ToLower(text[len(digits):]))
	unit = strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i")
	power := strings.Index("kmgtp", unit)
	if unit == "" {
		power = -1
	} else if len(unit) != 1 || power < 0 {
		return 0, fmt.Errorf("unknown unit %q", unit)
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("not a size: %q", digits)
	}
	n *= float64(int64(1) << (10 * (power + 1)))
	if n >= 1<<63 {
		return 0, strconv.ErrRange
	}
	return int64(n), nil
}
