package criu

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Failure is the error of a dump or a restore that criu couldn't carry out.
type Failure struct {
	// Operation is "dump" or "restore".
	Operation string
	// Cause is what is known of the reason, as a part of a sentence.
	Cause string
	// Hint is what helps; "" if that isn't known.
	Hint string
	// Log is the path of criu's log; "" if there is none.
	Log string
	err error
}

// Error returns the cause and where the log is.
func (f *Failure) Error() string {
	text := fmt.Sprintf("criu %s failed: %s", f.Operation, f.Cause)
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	if f.Log != "" {
		text += "; the log is " + f.Log
	}
	return text
}

// Unwrap returns what criu has answered.
func (f *Failure) Unwrap() error { return f.err }

// explain returns a Failure for an error that criu has reported, from its log in the
// directory work.
func (p *Process) explain(err error, work int, name, operation string) error {
	var reported *failure
	var end death
	hasEnded := errors.As(err, &end)
	if err == nil || !hasEnded && !errors.As(err, &reported) {
		return err
	}
	f := &Failure{Operation: operation, err: err, Log: logPath(work, name)}
	text := readLog(work, name)
	if text == "" {
		f.Log, text = "", p.printed()
	}
	f.Cause, f.Hint = Diagnose(text)
	switch {
	case f.Cause == "":
		f.Cause = err.Error()
	case hasEnded && !p.isKilled:
		f.Cause = end.Error() + ": " + f.Cause
	}
	return f
}

// logPath returns the path of a file in a directory that is open.
func logPath(dir int, name string) string {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(fmt.Sprintf("/proc/self/fd/%d", dir), buf)
	if err != nil {
		return name
	}
	return string(buf[:n]) + "/" + name
}

// logTail is how much of a log is read, from its end, in bytes.
const logTail = 64 * 1024

// readLog returns the end of a log; "" if it can't be read.
func readLog(dir int, name string) string {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	return tail(fd)
}

// printed returns what criu has printed to its standard streams.
func (p *Process) printed() string { return strings.TrimSpace(tail(p.output)) }

func tail(fd int) string {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return ""
	}
	buf := make([]byte, min(st.Size, logTail))
	n, err := unix.Pread(fd, buf, max(0, st.Size-logTail))
	if err != nil || n <= 0 {
		return ""
	}
	return string(buf[:n])
}

// errorLines is how many lines of a log an error has: the first tell the cause, those after
// them what follows from it.
const errorLines = 3

// Diagnose returns what the errors in a log say about the cause, as a part of a sentence,
// and what helps; both are "" if the log has no errors.
func Diagnose(log string) (cause, hint string) {
	lines := errorsIn(log)
	if len(lines) == 0 {
		return "", ""
	}
	for _, line := range lines {
		for _, k := range known {
			if strings.Contains(line, k.text) {
				return k.cause + quote(lines), k.hint
			}
		}
	}
	return strings.TrimPrefix(quote(lines), ": "), ""
}

// quote returns the telling lines: the first of the errors, and the last.
func quote(lines []string) string {
	if len(lines) > errorLines {
		lines = append(lines[:errorLines-1:errorLines-1], lines[len(lines)-1])
	}
	return ": " + strings.Join(lines, "; ")
}

// known are the causes that have an explanation. The first whose text is in an error
// counts.
var known = [...]struct{ text, cause, hint string }{
	{"--tcp-established", "a process has an open TCP connection", "--tcp-established checkpoints it, and is needed for restore, too"},
	{"Can't get 1:16 opt", "criu is too old for the kernel, and can't read the options of network sockets", "criu 4.2 can"},
	{"In-flight connection", "a TCP connection is just being opened", "--tcp-skip-in-flight leaves it out"},
	{"--ext-unix-sk", "a process is connected to a Unix socket outside of the container", "--ext-unix-sk leaves the other end out"},
	{"--shell-job", "a process uses a terminal, or a session, of the host", "--shell-job permits that, for restore, too"},
	{"--file-locks", "a process holds a lock of a file", "--file-locks checkpoints it, and is needed for restore, too"},
	{"Can't dump ghost file", "a process has a deleted file open that is too large", "a configuration file of criu can raise ghost-limit"},
	{"link remap", "a process has a file open that has been deleted under that name", "--link-remap gives it a temporary name"},
	{"io_uring", "a process uses io_uring, which criu doesn't support", ""},
	{"inotify", "the watch of an inotify descriptor can't be found", "a configuration file of criu can set force-irmap"},
	{"/dev/nvidia", "a process uses a GPU", "criu needs its CUDA plugin for that"},
	{"/dev/kfd", "a process uses a GPU", "criu needs its amdgpu plugin for that"},
	{"lazy-pages.socket", "nobody fetches the memory", "start criu lazy-pages --images-dir with the directory of the images before"},
	{"page-pipe: splice: -1", "criu can't enlarge a pipe for the memory that is fetched", "it needs CAP_SYS_RESOURCE, or a larger /proc/sys/fs/pipe-max-size"},
	{"The page server doesn't answer", "the machine that has the memory has ended the connection", "its dump.log says why"},
	{"No mapping for", "a mount of the checkpoint isn't in mounts of config.json", "the bundle must have the mounts of the container that was checkpointed"},
	{"File fd/", "a standard stream is a file whose size isn't that of the checkpoint", "a container whose streams are opened for appending, >>, can be restored nevertheless"},
	{"has bad size", "a file has changed since the checkpoint", "files that are in use must have the content that they had"},
	{"has bad mode", "a file has changed since the checkpoint", "files that are in use must have the content that they had"},
	{".img: Permission denied", "the root of the container's user namespace can't open the images", "chmod o+x their directory"},
	{"Can't fork for", "a process ID of the checkpoint is in use", ""},
	{"do not match expected", "a process ID of the checkpoint is in use", ""},
	{"Dirty tracking", "the kernel can't track which pages of memory are written", ""},
	{"already traced", "a process is being debugged, or checkpointed by somebody else", ""},
	{"is unsupported", "a resource of a process isn't supported by criu", ""},
}

// errorsIn returns the texts of the errors in a log, without time stamps and places in the
// sources, each once.
func errorsIn(log string) []string {
	var found []string
	for line := range strings.Lines(log) {
		_, text, ok := strings.Cut(line, "Error (")
		if !ok {
			continue
		}
		_, text, ok = strings.Cut(text, "): ")
		text = strings.TrimSpace(text)
		if !ok || text == "" || isNoise(text) || slices.Contains(found, text) {
			continue
		}
		found = append(found, text)
	}
	return found
}

// isNoise reports whether an error is one that criu goes on after, or says only that there
// was one.
func isNoise(text string) bool {
	return strings.HasPrefix(text, "rlimit: Can't setup") || strings.HasSuffix(text, "FAILED.") ||
		strings.HasPrefix(text, "cg: cgroupd: recv req error")
}
