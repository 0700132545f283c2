package criu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/internal/memfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/internal/reap"
)

// Notification is a point of the request that criu has reached: it waits for an answer.
// See criu(8), "--action-script", for the points.
type Notification struct {
	Point Point
	// Pid is that of the first process, in a restore.
	Pid int
	// FD is the master of a terminal that has none in the checkpoint; -1 otherwise. The
	// receiver closes it.
	FD int
}

// Point is the name of a point.
type Point string

// The points at which a runtime has something to do.
const (
	SetupNamespaces Point = "setup-namespaces"
	PostRestore     Point = "post-restore"
	// PostDump is when all images are written.
	PostDump Point = "post-dump"
	// StatusReady is when the memory of a Dump with LazyPages can be fetched.
	StatusReady     Point = "status-ready"
	OrphanPtsMaster Point = "orphan-pts-master"
)

// Features are what criu and the kernel may lack.
type Features struct {
	// MemoryTracking is needed for iterative checkpoints.
	MemoryTracking bool
	LazyPages      bool
}

// Process is a running criu that waits for requests. The caller closes it.
type Process struct {
	program string
	pid     int
	socket  int
	output  int // what it prints itself, before it has a log
	// isKilled is set if it was killed because it hung.
	isKilled bool
}

// The descriptors of criu. Those that a request hands over follow.
const (
	socketFD = 3
	firstFD  = 4
)

// Start executes the program. It inherits the descriptors fds, from firstFD on, and no
// others.
func Start(program string, fds ...int) (*Process, error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/null: %w", err)
	}
	defer unix.Close(null)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket for criu: %w", err)
	}
	defer unix.Close(pair[1])
	output, err := memfd.Create("criu")
	if err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	files := []uintptr{uintptr(null), uintptr(output), uintptr(output), uintptr(pair[1])}
	for _, fd := range fds {
		files = append(files, uintptr(fd))
	}
	p := &Process{program: program, socket: pair[0], output: output}
	// In a process group of its own: what is typed at a terminal must not kill it half-way.
	// It finds that this process has ended by its next notification, and undoes its work.
	attr := &syscall.ProcAttr{Env: environment(), Files: files, Sys: &syscall.SysProcAttr{Setpgid: true}}
	p.pid, err = syscall.ForkExec(program, []string{"criu", "swrk", strconv.Itoa(socketFD)}, attr)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("execute %s: %w", program, err)
	}
	return p, nil
}

// Pid returns the process ID of criu.
func (p *Process) Pid() int { return p.pid }

// Kill kills criu, with what it has started that is still in its process group.
func (p *Process) Kill() {
	if p.pid > 0 { // It hasn't been reaped, so its pid can't have been reused.
		_ = unix.Kill(-p.pid, unix.SIGKILL)
	}
}

// Close ends the conversation, and waits until criu has ended: it undoes what isn't
// complete.
func (p *Process) Close() {
	if p.socket >= 0 {
		unix.Close(p.socket)
		p.socket = -1
	}
	if p.pid > 0 {
		_, _ = reap.Wait(p.pid)
		p.pid = 0
	}
	if p.output >= 0 {
		unix.Close(p.output)
		p.output = -1
	}
}

// Version asks for the version. Another request may follow.
func (p *Process) Version() (Version, error) {
	r, err := p.ask(&rpc.CriuReq{Type: new(rpc.CriuReqType_VERSION), KeepOpen: new(true)})
	if err != nil {
		return Version{}, err
	}
	return Version{int(r.GetVersion().GetMajorNumber()), int(r.GetVersion().GetMinorNumber())}, nil
}

// Has returns which of the features are there. Another request may follow.
func (p *Process) Has(wanted Features) (Features, error) {
	r, err := p.ask(&rpc.CriuReq{
		Type: new(rpc.CriuReqType_FEATURE_CHECK), KeepOpen: new(true),
		Features: &rpc.CriuFeatures{MemTrack: new(wanted.MemoryTracking), LazyPages: new(wanted.LazyPages)},
	})
	if err != nil {
		return Features{}, err
	}
	return Features{MemoryTracking: r.GetFeatures().GetMemTrack(), LazyPages: r.GetFeatures().GetLazyPages()}, nil
}

// ask sends a request that criu answers at once.
func (p *Process) ask(request *rpc.CriuReq) (*rpc.CriuResp, error) {
	if err := p.send(request); err != nil {
		return nil, err
	}
	answer, _, err := p.receive()
	return answer, err
}

// prepare checks that criu isn't too old, and that the features are there.
func (p *Process) prepare(needed Features) error {
	version, err := p.Version()
	if err == nil {
		err = version.check(p.program)
	}
	if err != nil || needed == (Features{}) {
		return err
	}
	there, err := p.Has(needed)
	switch {
	case err != nil:
		return err
	case needed.MemoryTracking && !there.MemoryTracking:
		return errors.New("the kernel can't track which pages of memory are written (CONFIG_MEM_SOFT_DIRTY), " +
			"which iterative checkpoints depend on: leave out --pre-dump and --parent-path")
	case needed.LazyPages && !there.LazyPages:
		return errors.New("the kernel or criu can't restore memory page by page (userfaultfd): leave out --lazy-pages")
	}
	return nil
}

// Check returns an error if criu isn't installed, can't be executed, or is too old.
func Check() error {
	program, err := Find()
	if err != nil {
		return err
	}
	p, err := Start(program)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.prepare(Features{})
}

// Dump carries out a dump. notify is called for each notification. When ctx is done, criu
// undoes its work, also while it waits for somebody who fetches the memory.
func (p *Process) Dump(ctx context.Context, d Dump, notify func(Notification) error) error {
	if err := p.prepare(d.needs()); err != nil {
		return err
	}
	if d.LazyPages && d.PageServer != nil {
		config, err := d.configWithAddress()
		if err != nil {
			return err
		}
		defer unix.Close(config)
		d.Config = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), config)
	}
	isServing := false
	_, err := p.do(ctx, d.request(), func(n Notification) error {
		isServing = isServing || n.Point == StatusReady
		return notify(n)
	}, nil)
	if isServing && ctx.Err() != nil {
		p.stopServing(d.PageServer)
	}
	return p.explain(err, d.Work, d.logName(), "dump")
}

// Restore carries out a restore by a criu of StartRestore. It returns the pid of the first
// process, which is a child of this process.
func (p *Process) Restore(ctx context.Context, r Restore, notify func(Notification) error) (int, error) {
	if err := p.prepare(Features{LazyPages: r.LazyPages}); err != nil {
		return 0, err
	}
	request, _ := r.request(firstFD)
	pid := 0
	answer, err := p.do(ctx, request, func(n Notification) error {
		pid = max(pid, n.Pid)
		return notify(n)
	}, func() bool { return pid > 0 && procfs.IsKilled(pid) })
	return int(answer.GetRestore().GetPid()), p.explain(err, r.Work, restoreLog, "restore")
}

// configWithAddress returns a descriptor of a configuration file for criu with the address at
// which it waits for somebody who fetches the memory: it ignores that of the request, and
// would wait at all addresses of the host.
func (d *Dump) configWithAddress() (int, error) {
	var content []byte
	if d.Config != "" {
		var err error
		if content, err = os.ReadFile(d.Config); err != nil {
			return -1, fmt.Errorf("criu's configuration file: %w", err)
		}
	}
	return memfd.Sealed("criu.conf", fmt.Sprintf("%s\naddress %s\n", content, d.PageServer.Address))
}

// servingTimeout is the time in which criu ends after a request that it doesn't know.
const servingTimeout = 2 * time.Second

// stopServing ends a criu that waits at its socket for the one who fetches the memory, and
// notices nothing else. After a request that it doesn't know, it lets the processes and their
// network go on. If it can't be reached, or somebody else is connected to it, it is killed:
// then the processes go on, too, but established TCP connections stay locked.
func (p *Process) stopServing(s *PageServer) {
	if !p.refuse(s) {
		p.Kill()
	}
}

// refuse sends criu a request that it doesn't know, and reports whether criu has given up.
func (p *Process) refuse(s *PageServer) bool {
	if s == nil {
		return false
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(s.Address, strconv.Itoa(s.Port)), servingTimeout)
	if err != nil {
		return false
	}
	defer conn.Close()
	// A request has 32 bytes, and its command is in the lower half of the first word.
	if _, err := conn.Write(bytes.Repeat([]byte{0xff}, 32)); err != nil {
		return false
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.socket), Events: unix.POLLIN}}, int(servingTimeout.Milliseconds()))
		if err != unix.EINTR {
			return n == 1
		}
	}
}

// StartRestore executes the program with the descriptors that a restore hands over.
func StartRestore(program string, r Restore) (*Process, error) {
	_, fds := r.request(firstFD)
	return Start(program, fds...)
}

// failure is an error that criu has reported.
type failure struct {
	errno   unix.Errno
	message string
}

func (f *failure) Error() string {
	if f.errno != 0 {
		return f.errno.Error()
	}
	return f.message
}

// do sends a request and answers notifications until the response. It ends the conversation
// when ctx is done: criu then undoes its work. It kills a criu that hangs, which isHanging
// reports if it isn't nil.
func (p *Process) do(ctx context.Context, request *rpc.CriuReq, notify func(Notification) error, isHanging func() bool) (*rpc.CriuResp, error) {
	if err := p.send(request); err != nil {
		return nil, err
	}
	cancelled, err := cancel.On(ctx)
	if err != nil {
		return nil, err
	}
	defer cancelled.Close()
	for {
		p.wait(cancelled, isHanging)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		answer, fd, err := p.receive()
		if err != nil {
			return answer, err
		}
		if answer.GetType() != rpc.CriuReqType_NOTIFY {
			return answer, nil
		}
		n := answer.GetNotify()
		err = notify(Notification{Point: Point(n.GetScript()), Pid: int(n.GetPid()), FD: fd})
		reply := &rpc.CriuReq{Type: new(rpc.CriuReqType_NOTIFY), NotifySuccess: new(err == nil)}
		if sendErr := p.send(reply); err == nil && sendErr != nil {
			err = sendErr
		}
		if err != nil {
			return nil, err
		}
	}
}

// hangInterval is the time, in milliseconds, in which a criu answers that has nothing left to
// do.
const hangInterval = 1000

// wait waits for the next message, or until the conversation is cancelled. It kills a criu that
// is found hanging twice in a row, as after a failed restore of several processes: criu waits
// for the end of the first one, which it has killed, and that one waits for the others, which
// have to be reaped by criu, their tracer.
func (p *Process) wait(cancelled *cancel.Signal, isHanging func() bool) {
	timeout := -1
	if isHanging != nil {
		timeout = hangInterval
	}
	for found := 0; ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.socket), Events: unix.POLLIN}, cancelled.PollFd()}, timeout)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n > 0:
			return
		case !isHanging():
			found = 0
		case found == 0:
			found++
		default:
			p.isKilled = true
			p.Kill()
			return
		}
	}
}

func (p *Process) send(request *rpc.CriuReq) error {
	content, err := request.MarshalVT()
	if err != nil {
		return fmt.Errorf("request to criu: %w", err)
	}
	err = unix.Sendto(p.socket, content, unix.MSG_NOSIGNAL, nil)
	if errors.Is(err, unix.EPIPE) {
		return p.died()
	}
	if err != nil {
		return fmt.Errorf("request to criu: %w", err)
	}
	return nil
}

// maxMessage is the size of the longest response: criu's own buffers are smaller.
const maxMessage = 64 * 1024

// receive receives a response, and a descriptor that is sent with it; -1 if there is none.
func (p *Process) receive() (*rpc.CriuResp, int, error) {
	buf, oob := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4))
	var n, oobn int
	var err error
	for err = unix.EINTR; err == unix.EINTR; {
		n, oobn, _, _, err = unix.Recvmsg(p.socket, buf, oob, unix.MSG_CMSG_CLOEXEC)
	}
	if err == unix.ECONNRESET || err == nil && n == 0 {
		return nil, -1, p.died()
	}
	if err != nil {
		return nil, -1, fmt.Errorf("response of criu: %w", err)
	}
	fd := receivedFD(oob[:oobn])
	answer := new(rpc.CriuResp)
	err = answer.UnmarshalVT(buf[:n])
	if err != nil {
		err = fmt.Errorf("response of criu: %w", err)
	} else if !answer.GetSuccess() {
		err = &failure{errno: unix.Errno(answer.GetCrErrno()), message: answer.GetCrErrmsg()}
	}
	if err != nil && fd >= 0 {
		unix.Close(fd)
		fd = -1
	}
	return answer, fd, err
}

// receivedFD returns the descriptor in a control message; -1 if there is none.
func receivedFD(oob []byte) int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 {
		return -1
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	return fds[0]
}

// death is the error of a criu that has ended without a response: how, and what it has
// printed.
type death string

func (d death) Error() string { return string(d) }

// died returns the error for a criu that has ended.
func (p *Process) died() error {
	if p.pid == 0 {
		return death("criu has ended")
	}
	status, err := reap.Wait(p.pid)
	p.pid = 0
	if err != nil {
		return death("criu has ended")
	}
	how := "criu has ended: " + reap.Describe(status)
	if text := p.printed(); text != "" {
		how += ": " + text
	}
	return death(how)
}
