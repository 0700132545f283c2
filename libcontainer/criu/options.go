package criu

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
)

// CgroupsMode says what criu does about the cgroups below the container's, criu(8)
// "--manage-cgroups".
type CgroupsMode string

// The modes. The zero value is CgroupsSoft.
const (
	CgroupsSoft   CgroupsMode = "soft"
	CgroupsFull   CgroupsMode = "full"
	CgroupsStrict CgroupsMode = "strict"
	CgroupsIgnore CgroupsMode = "ignore"
)

// ParseCgroupsMode returns the mode of that name; "" is CgroupsSoft.
func ParseCgroupsMode(name string) (CgroupsMode, error) {
	switch mode := CgroupsMode(name); mode {
	case "":
		return CgroupsSoft, nil
	case CgroupsSoft, CgroupsFull, CgroupsStrict, CgroupsIgnore:
		return mode, nil
	}
	return "", fmt.Errorf("invalid mode %q of cgroups: not soft, full, strict or ignore", name)
}

func (m CgroupsMode) rpc() rpc.CriuCgMode {
	switch m {
	case CgroupsFull:
		return rpc.CriuCgMode_FULL
	case CgroupsStrict:
		return rpc.CriuCgMode_STRICT
	case CgroupsIgnore:
		return rpc.CriuCgMode_IGNORE
	}
	return rpc.CriuCgMode_SOFT
}

// Options are what a checkpoint and its restore have in common. The names are those of the
// options in criu(8).
type Options struct {
	TCPEstablished, ExtUnixSockets, ShellJob, FileLocks, LazyPages, AutoDedup bool
	// EmptyNetwork leaves out what is in the network namespace, except for loopback.
	EmptyNetwork bool
	Cgroups      CgroupsMode
}

// Files are where a checkpoint is. The descriptors are of directories, and the caller's.
type Files struct {
	Images, Work int
	// Config is a configuration file, which comes before the other options; "" is none.
	Config string
}

// PageServer is the address of a criu page-server, which receives the memory of the
// processes. With LazyPages it is the address at which criu itself waits for a criu lazy-pages.
type PageServer struct {
	Address string
	Port    int
}

// ParsePageServer parses ADDRESS:PORT. The address may be a name.
func ParsePageServer(text string) (*PageServer, error) {
	host, port, err := net.SplitHostPort(text)
	// The address is written into a configuration file of criu.
	if err != nil || host == "" || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || strings.ContainsRune("#\"'\\", r) }) {
		return nil, fmt.Errorf("invalid page server %q: not of the form ADDRESS:PORT", text)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("invalid page server %q: %q isn't a port number", text, port)
	}
	return &PageServer{Address: host, Port: int(n)}, nil
}

// Dump is a request to checkpoint a process and its descendants.
type Dump struct {
	Options
	Files
	Pid int
	// Parent is the directory of the previous checkpoint, relative to that of Images; ""
	// for none.
	Parent string
	// Pre makes a first copy of the memory, and lets the processes run on.
	Pre bool
	// LeaveRunning lets the processes run on after a complete checkpoint.
	LeaveRunning bool
	// SkipInFlight leaves out connections that aren't established yet.
	SkipInFlight bool
	LinkRemap    bool
	PageServer   *PageServer
	// StatusFD is a descriptor of this process to which criu writes a zero byte when the
	// pages can be fetched; nil for none.
	StatusFD *int
	// FreezeCgroup is the directory of a cgroup whose freezer stops the processes; "" is
	// none.
	FreezeCgroup string
	// External are the resources that aren't part of the checkpoint, criu(8)
	// "--external".
	External []string
}

func (d Dump) request() *rpc.CriuReq {
	o := d.Options.rpc(d.Files, d.logName())
	o.Pid = new(int32(d.Pid))
	o.LeaveRunning = new(d.LeaveRunning)
	o.TcpSkipInFlight = new(d.SkipInFlight)
	o.LinkRemap = new(d.LinkRemap)
	o.External = d.External
	o.OrphanPtsMaster = new(true)
	if d.Parent != "" {
		o.ParentImg = new(d.Parent)
	}
	if d.FreezeCgroup != "" {
		o.FreezeCgroup = new(d.FreezeCgroup)
	}
	if d.PageServer != nil {
		o.Ps = &rpc.CriuPageServerInfo{Address: new(d.PageServer.Address), Port: new(int32(d.PageServer.Port))}
	}
	if d.StatusFD != nil {
		o.StatusFd = new(int32(*d.StatusFD))
	}
	kind := rpc.CriuReqType_DUMP
	if d.Pre {
		kind = rpc.CriuReqType_PRE_DUMP
		// criu doesn't freeze the processes by a cgroup for that.
		o.TrackMem = new(true)
	}
	return &rpc.CriuReq{Type: &kind, Opts: o}
}

func (d Dump) logName() string { return "dump.log" }

// needs returns the features of the kernel that a dump depends on.
func (d Dump) needs() Features {
	return Features{MemoryTracking: d.Pre || d.Parent != "", LazyPages: d.LazyPages}
}

// Restore is a request to bring processes back.
type Restore struct {
	Options
	Files
	// Root is a mount point that becomes the root of the processes.
	Root string
	// CgroupRoots are the paths that replace the container's cgroup, by controller; ""
	// is for cgroup v2.
	CgroupRoots map[string]string
	External    []string
	// Inherit are the descriptors, of this process, that replace those that are external
	// to the checkpoint, by the names that they have in it.
	Inherit []Inherited
	// Join are namespaces that the processes join.
	Join                        []Joined
	LSMProfile, LSMMountContext string
}

// Inherited is a descriptor for a resource that is external to a checkpoint.
type Inherited struct {
	Key string
	FD  int
}

// Joined is a namespace to join: a type as in /proc/PID/ns, and a descriptor.
type Joined struct {
	Type string
	FD   int
}

const restoreLog = "restore.log"

// request returns the request, and the descriptors that criu has to inherit for it: the ith
// of them has the number first+i there.
func (r Restore) request(first int) (*rpc.CriuReq, []int) {
	o := r.Options.rpc(r.Files, restoreLog)
	o.Root = new(r.Root)
	o.EvasiveDevices = new(true)
	o.RstSibling = new(true)
	o.External = r.External
	o.OrphanPtsMaster = new(true)
	o.LinkRemap = new(true)
	for controller, path := range r.CgroupRoots {
		root := &rpc.CgroupRoot{Path: new(path)}
		if controller != "" {
			root.Ctrl = new(controller)
		}
		o.CgRoot = append(o.CgRoot, root)
	}
	if r.LSMProfile != "" {
		o.LsmProfile = new(r.LSMProfile)
	}
	if r.LSMMountContext != "" {
		o.LsmMountContext = new(r.LSMMountContext)
	}
	var fds []int
	for _, in := range r.Inherit {
		o.InheritFd = append(o.InheritFd, &rpc.InheritFd{Key: new(in.Key), Fd: new(int32(first + len(fds)))})
		fds = append(fds, in.FD)
	}
	for _, j := range r.Join {
		file := "/proc/self/fd/" + strconv.Itoa(first+len(fds))
		o.JoinNs = append(o.JoinNs, &rpc.JoinNamespace{Ns: new(j.Type), NsFile: new(file)})
		fds = append(fds, j.FD)
	}
	return &rpc.CriuReq{Type: new(rpc.CriuReqType_RESTORE), Opts: o}, fds
}

// rpc returns what the two requests have in common.
func (o Options) rpc(f Files, log string) *rpc.CriuOpts {
	r := &rpc.CriuOpts{
		// criu opens the directories in /proc of the process that has created the socket.
		ImagesDirFd: new(int32(f.Images)), WorkDirFd: new(int32(f.Work)),
		LogLevel: new(int32(4)), LogFile: new(log),
		TcpEstablished: new(o.TCPEstablished), ExtUnixSk: new(o.ExtUnixSockets), ShellJob: new(o.ShellJob),
		FileLocks: new(o.FileLocks), LazyPages: new(o.LazyPages), AutoDedup: new(o.AutoDedup),
		ManageCgroups: new(true), ManageCgroupsMode: new(o.Cgroups.rpc()),
		NotifyScripts: new(true),
	}
	if o.EmptyNetwork {
		r.EmptyNs = new(uint32(unix.CLONE_NEWNET))
	}
	if f.Config != "" {
		r.ConfigFile = new(f.Config)
	}
	return r
}
