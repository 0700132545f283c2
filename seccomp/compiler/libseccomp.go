//go:build cgo && !embed_libseccomp && !no_libseccomp

package compiler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/memfd"
)

// apiLevel is the newest interface of libseccomp 2.5. Setting it keeps the library
// from asking the kernel what it can do, so that the program depends on the request
// alone.
const apiLevel = 6

// levelMutex guards the API level, which belongs to the whole process.
var levelMutex sync.Mutex

// Available returns nil: libseccomp is linked.
func Available() error { return nil }

// Version returns the version of libseccomp, such as "2.5.4".
func Version() string {
	major, minor, micro := libseccomp.GetLibraryVersion()
	return fmt.Sprintf("%d.%d.%d", major, minor, micro)
}

// Identity returns what, besides a request, decides the compiled program: the
// version of libseccomp and the file it was loaded from. An update that keeps the
// version has another inode or time.
func Identity() string {
	return Version() + " " + libraryFile()
}

// libraryFile returns inode and time of the shared library; "" if it is linked
// statically.
func libraryFile() string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(maps)) {
		at := strings.IndexByte(line, '/')
		if at < 0 || !strings.Contains(line[at:], "/libseccomp.so") {
			continue
		}
		var st unix.Stat_t
		if err := unix.Stat(strings.TrimSuffix(line[at:], "\n"), &st); err != nil {
			return line[:at] // it was deleted, and the inode is in the line
		}
		return fmt.Sprintf("%d:%d@%d", st.Dev, st.Ino, st.Mtim.Nano())
	}
	return ""
}

// Compile compiles the request in this process. The API level of libseccomp is
// another while it runs. An error of libseccomp is a *Failure.
func Compile(ctx context.Context, r *Request) (*Program, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	levelMutex.Lock()
	defer levelMutex.Unlock()
	if level, err := libseccomp.GetAPI(); err == nil {
		setLevel()
		// It was in force before, and can't be refused.
		defer func() { _ = libseccomp.SetAPI(level) }()
	}
	fallback, ok := actionOf(r.DefaultAction)
	if !ok {
		return nil, &Failure{Stage: StageInit, Err: syscall.EINVAL}
	}
	filter, err := libseccomp.NewFilter(fallback)
	if err != nil {
		return nil, &Failure{Stage: StageInit, Err: err}
	}
	defer filter.Release()
	if err := filter.SetOptimize(int(r.optimization())); err != nil {
		return nil, &Failure{Stage: StageInit, Err: err}
	}
	archs := make([]libseccomp.ScmpArch, len(r.Archs))
	for i, a := range r.Archs {
		if archs[i], err = addArch(filter, a.Token); err != nil {
			return nil, &Failure{Stage: StageArch, Index: i, Err: err}
		}
	}
	var unknown []int32
	for i := range r.Rules {
		known, err := addRule(filter, r, &r.Rules[i])
		if err != nil {
			return nil, &Failure{Stage: StageRule, Index: i, Err: err}
		}
		if !known {
			unknown = append(unknown, int32(i))
		}
	}
	program, err := export(filter)
	if err != nil {
		return nil, &Failure{Stage: StageExport, Err: err}
	}
	return &Program{Highest: highest(r, archs), Unknown: unknown, BPF: program}, nil
}

// Syscalls returns the system calls that libseccomp knows of the architecture with this
// token, by number. An error of libseccomp is a *Failure.
func Syscalls(ctx context.Context, token uint32) ([]Syscall, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	arch, ok := archOf(token)
	if !ok {
		return nil, &Failure{Stage: StageArch, Err: syscall.EINVAL}
	}
	var calls []Syscall
	for _, r := range numberRanges(token) {
		for number := r[0]; number <= r[1]; number++ {
			if name, err := libseccomp.ScmpSyscall(int32(number)).GetNameByArch(arch); err == nil {
				calls = append(calls, Syscall{number, name})
			}
		}
	}
	return calls, nil
}

// setLevel sets the API level. An older library knows fewer levels, and then
// refuses what it lacks.
func setLevel() {
	for level := uint(apiLevel); level > 0; level-- {
		if libseccomp.SetAPI(level) == nil {
			return
		}
	}
}

func addArch(filter *libseccomp.ScmpFilter, token uint32) (libseccomp.ScmpArch, error) {
	arch, ok := archOf(token)
	if !ok {
		return arch, syscall.EINVAL
	}
	err := filter.AddArch(arch)
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		err = syscall.EINVAL // the headers are older than the architecture
	}
	return arch, err
}

// addRule reports whether libseccomp knows the name. If it doesn't, on any architecture,
// the name is newer than the library, or of another kernel, and there is nothing to match.
func addRule(filter *libseccomp.ScmpFilter, r *Request, rule *Rule) (known bool, err error) {
	if rule.Known {
		return true, nil
	}
	number, err := libseccomp.GetSyscallFromName(rule.Name)
	if err != nil {
		return false, nil
	}
	conditions := make([]libseccomp.ScmpCondition, 0, maxArgs)
	for _, a := range r.Args[rule.FirstArg : rule.FirstArg+rule.ArgCount] {
		op, ok := operatorOf(a.Op)
		if !ok {
			return true, syscall.EINVAL
		}
		conditions = append(conditions, libseccomp.ScmpCondition{Argument: uint(a.Index), Op: op, Operand1: a.A, Operand2: a.B})
	}
	action, ok := actionOf(rule.Action)
	if !ok {
		return true, syscall.EINVAL
	}
	err = filter.AddRuleConditional(number, action, conditions)
	if errors.Is(err, syscall.EEXIST) {
		return true, nil // the same rule twice is one rule
	}
	return true, err
}

// highest returns Program.Highest.
func highest(r *Request, archs []libseccomp.ScmpArch) []int32 {
	numbers := make([]int32, len(archs))
	for i, arch := range archs {
		numbers[i] = -1
		for j := range r.Rules {
			if j > 0 && r.Rules[j].Name == r.Rules[j-1].Name {
				continue
			}
			// A negative number isn't one of this architecture.
			number, err := libseccomp.GetSyscallFromNameByArch(r.Rules[j].Name, arch)
			if n := int32(number); err == nil && n > numbers[i] && uint32(n) < r.Archs[i].Limit {
				numbers[i] = n
			}
		}
	}
	return numbers
}

// export returns the BPF program. libseccomp writes it to a descriptor: to memory
// only since 2.6.
func export(filter *libseccomp.ScmpFilter) ([]byte, error) {
	fd, err := memfd.Create("seccomp program")
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "seccomp program")
	defer file.Close()
	if err := filter.ExportBPF(file); err != nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	program := make([]byte, size)
	if _, err := file.ReadAt(program, 0); err != nil {
		return nil, err
	}
	return program, nil
}
