package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/specconv/config"
)

func updateCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "update", Category: containers, Usage: "change the resource limits of a container", ArgsUsage: "ID",
			Description: `Changes only the limits that are given, and all of them or none: if one can't be set,
those before it get their old values again. Only a device node that was removed is not
made again then. Where the kernel rounds a value, a warning
says what it has set. --dry-run shows what would change. SIZE is a number of bytes, or a number with a
unit k, m, g, t or p (powers of 1024). -1 removes a limit. --resources reads an object
like linux.resources in config.json; the other options except for the schemas and devices
are then ignored. Its devices replace all device rules of the container, except for what
--device-add and --device-remove have changed. A DEVICE has the path on the host, that in
the container if it is another one, and the access if it is less than rwm.`,
			Flags:  updateFlags(),
			Action: s.update,
		},
		Least: 1, Most: 1,
		Example: `runnel update web --memory 64m --pids-limit 100
echo '{"cpu":{"quota":50000}}' | runnel update --resources - web
runnel update --dry-run --memory 1g web
runnel update --device-add /dev/fuse:rw web`,
	}
}

func updateFlags() []cli.Flag {
	option := func(name, usage string) cli.Flag { return &cli.StringFlag{Name: name, Usage: usage} }
	ignored := func(name string) cli.Flag {
		return &cli.StringFlag{Name: name, Hidden: true, Usage: "accepted and ignored, because the kernel has removed the limit: `SIZE`"}
	}
	return []cli.Flag{
		&cli.StringFlag{Name: "resources", Aliases: []string{"r"}, Usage: "read the limits as JSON from `FILE`, or from standard input if it is -"},
		option("blkio-weight", "set the block I/O weight to `N`, from 10 to 1000"),
		option("cpu-period", "set the CFS period to `USEC`"),
		option("cpu-quota", "limit the CPU time per CFS period to `USEC`"),
		option("cpu-burst", "allow `USEC` of unused CPU time to be used in later periods"),
		option("cpu-share", "set the CPU shares to `N`, relative to other cgroups"),
		option("cpu-rt-period", "set the real-time scheduling period to `USEC`"),
		option("cpu-rt-runtime", "limit the real-time CPU time per period to `USEC`"),
		option("cpuset-cpus", "use the CPUs in `LIST`, such as 0-2,4"),
		option("cpuset-mems", "use the memory nodes in `LIST`"),
		option("memory", "limit memory to `SIZE`"),
		option("memory-reservation", "set the soft limit of memory to `SIZE`"),
		option("memory-swap", "limit memory and swap together to `SIZE`"),
		ignored("kernel-memory"), ignored("kernel-memory-tcp"),
		option("pids-limit", "limit the number of processes to `N`"),
		option("cpu-idle", "if `N` is 1, run only on CPUs that are otherwise idle; 0 to disable"),
		option("l3-cache-schema", "set the Intel RDT cache `SCHEMA`"),
		option("mem-bw-schema", "set the Intel RDT memory bandwidth `SCHEMA`"),
		&cli.StringSliceFlag{Name: "device-add", Usage: "allow and make the host's `DEVICE`, PATH[:PATH][:ACCESS]"},
		&cli.StringSliceFlag{Name: "device-remove", Usage: "take the device at `PATH` from the container"},
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "only print what would be changed"},
		formatFlag(),
	}
}

func (s *session) update(c *cli.Context) error {
	resources, err := s.resources(c)
	if err != nil {
		return misuse(err)
	}
	isTable, err := wantsTable(c)
	if err == nil && c.IsSet("format") && !c.Bool("dry-run") {
		err = misuse(errors.New("--format is for what --dry-run prints"))
	}
	if err != nil {
		return err
	}
	u := libcontainer.Update{Resources: resources, IntelRdt: intelRdt(c), RemoveDevices: c.StringSlice("device-remove")}
	for _, text := range c.StringSlice("device-add") {
		device, err := libcontainer.ParseDevice(text)
		if err != nil {
			return misuse(fmt.Errorf("--device-add: %w", err))
		}
		u.AddDevices = append(u.AddDevices, device)
	}
	return s.onContainer(c, func(container *libcontainer.Container) error {
		if !c.Bool("dry-run") {
			return container.Apply(u)
		}
		changes, err := container.PreviewUpdate(u)
		if err != nil {
			return err
		}
		if isTable {
			return changeTable(s.stdout, changes)
		}
		content, err := json.Marshal(append([]libcontainer.Change{}, changes...))
		if err != nil {
			return err
		}
		return s.print(string(content) + "\n")
	})
}

// changeTable writes a line for each change.
func changeTable(w io.Writer, changes []libcontainer.Change) error {
	t := tabwriter.NewWriter(w, 0, 1, 3, ' ', 0)
	fmt.Fprint(t, "KIND\tTARGET\tOLD\tNEW\n")
	for _, c := range changes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Kind, printable(c.Target, false), printable(c.Old, false), printable(c.New, false))
	}
	return t.Flush()
}

// intelRdt returns the schemas that were given, or nil if none was.
func intelRdt(c *cli.Context) *specs.LinuxIntelRdt {
	r := specs.LinuxIntelRdt{L3CacheSchema: c.String("l3-cache-schema"), MemBwSchema: c.String("mem-bw-schema")}
	if r.L3CacheSchema == "" && r.MemBwSchema == "" {
		return nil
	}
	return &r
}

// resources returns the limits that were given, and no others.
func (s *session) resources(c *cli.Context) (*specs.LinuxResources, error) {
	if path := c.String("resources"); path != "" {
		return s.readResources(path)
	}
	l := &limits{flags: c}
	r := &specs.LinuxResources{Memory: l.memory(), CPU: l.cpu(), Pids: l.pids(), BlockIO: l.blockIO()}
	return r, l.err
}

// readResources reads linux.resources, see config-linux.md#control-groups.
func (s *session) readResources(path string) (*specs.LinuxResources, error) {
	name, content, err := path, []byte(nil), error(nil)
	if path == "-" {
		name = "standard input"
		content, err = io.ReadAll(s.stdin)
	} else {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("--resources: %w", err)
	}
	r := &specs.LinuxResources{}
	warnings, err := config.DecodeResources(name, content, r)
	s.warn(name, warnings)
	return r, err
}

// limits parses flags as limits and keeps the first error. The limit is nil for a
// flag that is not set or empty.
type limits struct {
	flags *cli.Context
	err   error
}

// value parses a flag.
func value[T any](l *limits, name string, parse func(string) (T, error)) *T {
	given := l.flags.String(name)
	if given == "" {
		return nil
	}
	v, err := parse(given)
	if err == nil {
		return &v
	}
	var detail *strconv.NumError
	if errors.As(err, &detail) {
		err = detail.Err // the message has the text already
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
		m.Swap = m.Limit // memory without a limit cannot have swap with one
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
		Cpus:            l.flags.String("cpuset-cpus"),
		Mems:            l.flags.String("cpuset-mems"),
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
