// Package inspect says what the processes of a container really have, and where that
// differs from its config. It reads procfs only through procfs.Task, so that what it
// describes is one process, and opens no path of the container: a file system that the
// container has mounted need not answer.
package inspect

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/specconv/words"
)

// Identity says which process of a container it is.
type Identity struct {
	// Pid is its pid in the pid namespace of the container's init; 0 if it isn't visible
	// there. HostPid is that in the runtime's.
	Pid     int `json:"pid"`
	HostPid int `json:"hostPid"`
	// Init marks the container's init.
	Init bool `json:"init"`
	// Name is the command name, Command the beginning of the command line. The process can
	// set both to anything.
	Name    string   `json:"name"`
	Command []string `json:"command"`
	// State is a letter of proc_pid_stat(5).
	State string `json:"state"`
	// UID and GID are the effective ids in the user namespace of init. Ids that have none
	// there are 65534.
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
}

// Process is a process of a container.
type Process struct {
	Identity
	Capabilities Capabilities `json:"capabilities"`
	// NoNewPrivileges, Seccomp and SeccompFilters are from proc_pid_status(5). Seccomp is
	// "disabled", "strict" or "filter".
	NoNewPrivileges bool   `json:"noNewPrivileges"`
	Seccomp         string `json:"seccomp"`
	SeccompFilters  int    `json:"seccompFilters"`
	// Label is that of AppArmor or of another security module; "" if there is none.
	Label       string `json:"label"`
	OOMScoreAdj int    `json:"oomScoreAdj"`
	// Scheduling is nil if it is the default.
	Scheduling *Scheduling `json:"scheduling,omitempty"`
}

// Capabilities are the five sets of capabilities(7), with the names of config.json.
type Capabilities struct {
	Bounding    []string `json:"bounding"`
	Effective   []string `json:"effective"`
	Inheritable []string `json:"inheritable"`
	Permitted   []string `json:"permitted"`
	Ambient     []string `json:"ambient"`
}

// Scheduling is how the kernel schedules a process, with the names of config.json.
type Scheduling struct {
	Policy string `json:"policy"`
	Nice   int    `json:"nice"`
	// Priority is that of the policies SCHED_FIFO and SCHED_RR.
	Priority uint32 `json:"priority"`
	// IOClass and IOPriority are those of ioprio_set(2); "" if none is set.
	IOClass    string `json:"ioClass"`
	IOPriority int    `json:"ioPriority"`
}

// Rlimit is a resource limit of init, getrlimit(2). No limit is 2^64-1.
type Rlimit struct {
	Type string `json:"type"`
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}

// View translates what procfs says of processes to what init of the container sees.
type View struct {
	// depth is the number of the pid namespace of init in the list of a process's pids.
	depth      int
	uids, gids []specs.LinuxIDMapping
	isOwnUsers bool
}

// NewView returns the view of a container's init.
func NewView(init *procfs.Task) (*View, error) {
	status, err := init.Status()
	if err != nil {
		return nil, err
	}
	v := &View{depth: len(strings.Fields(status["NSpid"])) - 1}
	own, err := ownNamespace("user")
	if err != nil {
		return nil, err
	}
	theirs, err := init.Namespace("user")
	// Who may not know the namespace isn't in it, or is its owner while it is prepared.
	if v.isOwnUsers = err == nil && theirs == own; v.isOwnUsers {
		return v, nil
	}
	if v.uids, err = idMap(init, "uid_map"); err != nil {
		return nil, err
	}
	v.gids, err = idMap(init, "gid_map")
	return v, err
}

// idMap reads the maps of a user namespace; the ids outside are those of the reader's.
func idMap(t *procfs.Task, name string) ([]specs.LinuxIDMapping, error) {
	const longest = 64 << 10 // of 340 lines
	text, err := t.Read(name, longest)
	if err != nil {
		return nil, err
	}
	var maps []specs.LinuxIDMapping
	for line := range strings.Lines(string(text)) {
		if n := numbers(line); len(n) == 3 {
			maps = append(maps, specs.LinuxIDMapping{ContainerID: uint32(n[0]), HostID: uint32(n[1]), Size: uint32(n[2])})
		}
	}
	return maps, nil
}

// numbers parses the numbers of a line; what isn't a number is 0.
func numbers(line string) []uint64 {
	fields := strings.Fields(line)
	list := make([]uint64, len(fields))
	for i, f := range fields {
		list[i], _ = strconv.ParseUint(f, 10, 64)
	}
	return list
}

// overflow is the id of those that have none in a user namespace.
const overflow = 65534

func (v *View) id(maps []specs.LinuxIDMapping, host uint32) uint32 {
	if v.isOwnUsers {
		return host
	}
	for _, m := range maps {
		if host >= m.HostID && host-m.HostID < m.Size {
			return m.ContainerID + (host - m.HostID)
		}
	}
	return overflow
}

// Identity says which process it is. The error matches fs.ErrNotExist or ESRCH if it has
// ended.
func (v *View) Identity(t *procfs.Task) (*Identity, error) {
	p, _, err := v.identity(t)
	return p, err
}

func (v *View) identity(t *procfs.Task) (*Identity, map[string]string, error) {
	status, err := t.Status()
	if err != nil {
		return nil, nil, err
	}
	stat, err := t.Stat()
	if err != nil {
		return nil, nil, err
	}
	p := &Identity{HostPid: t.Pid, Name: stat.Name, State: string(stat.State)}
	if p.Command, err = t.CommandLine(); err != nil {
		return nil, nil, err
	}
	if p.Command == nil {
		p.Command = []string{}
	}
	if pids := numbers(status["NSpid"]); v.depth >= 0 && v.depth < len(pids) {
		p.Pid = int(pids[v.depth])
	}
	const effective = 1 // of real, effective, saved and file system ids
	if ids := numbers(status["Uid"]); len(ids) > effective {
		p.UID = v.id(v.uids, uint32(ids[effective]))
	}
	if ids := numbers(status["Gid"]); len(ids) > effective {
		p.GID = v.id(v.gids, uint32(ids[effective]))
	}
	return p, status, nil
}

// Process describes a process. The error is that of Identity.
func (v *View) Process(t *procfs.Task) (*Process, error) {
	identity, status, err := v.identity(t)
	if err != nil {
		return nil, err
	}
	p := &Process{Identity: *identity}
	p.Capabilities = Capabilities{
		Bounding: capabilityNames(status["CapBnd"]), Effective: capabilityNames(status["CapEff"]),
		Inheritable: capabilityNames(status["CapInh"]), Permitted: capabilityNames(status["CapPrm"]),
		Ambient: capabilityNames(status["CapAmb"]),
	}
	p.NoNewPrivileges = status["NoNewPrivs"] == "1"
	p.Seccomp = map[string]string{"1": "strict", "2": "filter"}[status["Seccomp"]]
	if p.Seccomp == "" {
		p.Seccomp = "disabled"
	}
	p.SeccompFilters, _ = strconv.Atoi(status["Seccomp_filters"])
	p.Label = label(t)
	text, err := t.Text("oom_score_adj")
	if err != nil {
		return nil, err
	}
	p.OOMScoreAdj, _ = strconv.Atoi(text)
	p.Scheduling, err = scheduling(t)
	return p, err
}

// capabilityNames returns the names of the capabilities in a field of
// /proc/PID/status. One that is newer than this program has a number.
func capabilityNames(field string) []string {
	set, _ := strconv.ParseUint(field, 16, 64)
	names := []string{}
	for i := range 64 {
		switch {
		case set&(1<<i) == 0:
		case i < len(words.CapabilityNames):
			names = append(names, words.CapabilityNames[i])
		default:
			names = append(names, "CAP_"+strconv.Itoa(i))
		}
	}
	return names
}

// label returns the label of a security module. AppArmor has a file of its own since
// Linux 5.8, the other one may be that of a second module.
func label(t *procfs.Task) string {
	for _, name := range []string{"attr/apparmor/current", "attr/current"} {
		if text, err := t.Text(name); err == nil && text != "" {
			return text
		}
	}
	return ""
}

// scheduling returns nil for the default.
func scheduling(t *procfs.Task) (*Scheduling, error) {
	stat, err := t.Stat()
	if err != nil {
		return nil, err
	}
	s := &Scheduling{Policy: strconv.Itoa(int(stat.Policy)), Nice: stat.Nice, Priority: stat.RealtimePriority}
	for _, p := range words.SchedulerPolicies {
		if n, ok := words.SchedulerPolicy(p); ok && n == stat.Policy {
			s.Policy = string(p)
		}
	}
	const whoProcess = 1
	value, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, whoProcess, uintptr(t.Pid), 0)
	// A pid that still belongs to the process after the call belonged to it before.
	if _, err := t.Stat(); err != nil {
		return nil, err
	}
	if errno == 0 {
		classes := [...]string{"", string(specs.IOPRIO_CLASS_RT), string(specs.IOPRIO_CLASS_BE), string(specs.IOPRIO_CLASS_IDLE)}
		if class := int(value >> 13); class > 0 && class < len(classes) {
			s.IOClass, s.IOPriority = classes[class], int(value&7)
		}
	}
	// Kernels that report a class for everyone report this one.
	isDefaultIO := s.IOClass == "" || s.IOClass == string(specs.IOPRIO_CLASS_BE) && s.IOPriority == 4
	if stat.Policy == unix.SCHED_NORMAL && s.Nice == 0 && isDefaultIO {
		return nil, nil
	}
	return s, nil
}

// rlimitLines are the resources as proc_pid_limits(5) names them.
var rlimitLines = [...]struct{ line, resource string }{
	{"Max cpu time", "RLIMIT_CPU"}, {"Max file size", "RLIMIT_FSIZE"}, {"Max data size", "RLIMIT_DATA"},
	{"Max stack size", "RLIMIT_STACK"}, {"Max core file size", "RLIMIT_CORE"}, {"Max resident set", "RLIMIT_RSS"},
	{"Max processes", "RLIMIT_NPROC"}, {"Max open files", "RLIMIT_NOFILE"}, {"Max locked memory", "RLIMIT_MEMLOCK"},
	{"Max address space", "RLIMIT_AS"}, {"Max file locks", "RLIMIT_LOCKS"}, {"Max pending signals", "RLIMIT_SIGPENDING"},
	{"Max msgqueue size", "RLIMIT_MSGQUEUE"}, {"Max nice priority", "RLIMIT_NICE"},
	{"Max realtime priority", "RLIMIT_RTPRIO"}, {"Max realtime timeout", "RLIMIT_RTTIME"},
}

// Rlimits returns the resource limits of a process.
func Rlimits(t *procfs.Task) ([]Rlimit, error) {
	text, err := t.Text("limits")
	if err != nil {
		return nil, err
	}
	return parseLimits(text), nil
}

func parseLimits(text string) []Rlimit {
	var list []Rlimit
	for line := range strings.Lines(text) {
		for _, name := range rlimitLines {
			rest, ok := strings.CutPrefix(line, name.line+" ")
			if !ok {
				continue
			}
			soft, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
			hard, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			list = append(list, Rlimit{name.resource, rlimitValue(soft), rlimitValue(hard)})
		}
	}
	return list
}

func rlimitValue(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return unix.RLIM_INFINITY
	}
	return n
}

// IsGone reports whether an error is that of a process that has ended.
func IsGone(err error) bool { return errors.Is(err, unix.ESRCH) || errors.Is(err, fs.ErrNotExist) }
