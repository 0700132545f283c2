package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/logging"
	"github.com/runnel/runnel/libcontainer"
)

func seccompRecordCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "seccomp record", Category: bundles, Usage: "run a container, and write the seccomp profile that it needs",
			ArgsUsage: "ID",
			Description: `Runs a bundle in the foreground as run does, lets all of its system calls be carried out,
and writes a linux.seccomp object that allows those that were made, also by processes of
exec, and refuses all others. The profile of the bundle is not in force meanwhile. What
the container did not do in this run is not in the profile.`,
			Flags: append(createFlags(),
				&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the profile to `FILE`; - is the standard output, after the container has ended"},
				&cli.StringFlag{Name: "base", Usage: "write the profile of `TARGET`, as in seccomp explain, with what it lacks"},
				noSubreaperFlag(),
			),
			Action: s.seccompRecord,
		},
		Least: 1, Most: 1,
		Example: `runnel seccomp record --bundle /srv/web --output web.json web
jq '.linux.seccomp = $p[0]' --slurpfile p web.json /srv/web/config.json`,
	}
}

func (s *session) seccompRecord(c *cli.Context) error {
	file := c.String("output")
	if file == "" {
		return misuse(errors.New("--output is required: it names the file for the profile"))
	}
	o, err := createOptions(c)
	if err != nil {
		return err
	}
	r, err := s.creator()
	if err != nil {
		return err
	}
	var base *libcontainer.SeccompFilter
	if target := c.String("base"); target != "" {
		if base, err = r.SeccompFilter(context.Background(), target, nil); err != nil {
			return err
		}
	}
	if err := checkOutput(file); err != nil {
		return misuse(err)
	}
	options := libcontainer.RunOptions{CreateOptions: o, Attached: true, Subreaper: !c.Bool("no-subreaper")}
	keepTerminal(&options.Stdio)
	var recording *libcontainer.SeccompRecording
	s.status, err = inForeground(false, func(ctx context.Context) (p *libcontainer.Process, err error) {
		p, recording, err = r.RecordSeccomp(ctx, options, base)
		return p, err
	})
	if errors.Is(err, libcontainer.ErrNotExecuted) {
		s.status = exitNotExecuted
	}
	if recording != nil && err == nil {
		err = s.writeRecording(recording, file)
	}
	if err != nil {
		return fmt.Errorf("runnel seccomp record failed: %w", err)
	}
	return nil
}

// checkOutput returns an error for a file that can't be written, before anything is run.
func checkOutput(file string) error {
	if file == "-" {
		return nil
	}
	needed := file
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		needed, err = filepath.Dir(file), nil
	case err == nil && info.IsDir():
		err = &os.PathError{Op: "write", Path: file, Err: unix.EISDIR}
	}
	if err == nil {
		err = unix.Access(needed, unix.W_OK)
		if err != nil {
			err = &os.PathError{Op: "write", Path: file, Err: err}
		}
	}
	return err
}

// writeRecording writes the profile of a recording.
func (s *session) writeRecording(recording *libcontainer.SeccompRecording, file string) error {
	profile, added, warnings, err := recording.Profile(context.Background())
	if err != nil {
		return err
	}
	for _, text := range warnings {
		s.log.Write(logging.Warning, text)
	}
	content, err := json.MarshalIndent(profile, "", "  ")
	if err != nil {
		return err
	}
	content = append(content, '\n')
	if file == "-" {
		return s.print(string(content))
	}
	if err := replaceFile(file, content); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.stderr, "%s: %s recorded\n", printable(file, false), counted(len(added), "system call"))
	return err
}

// replaceFile writes a file, which is replaced as a whole if it exists and is a regular one.
func replaceFile(file string, content []byte) error {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(file, content, 0o644)
	}
	mode := fs.FileMode(0o644)
	if err == nil {
		mode = info.Mode().Perm()
	}
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		target = file
	}
	temporary, err := os.CreateTemp(filepath.Dir(target), ".runnel-")
	if errors.Is(err, fs.ErrPermission) {
		return os.WriteFile(file, content, 0o644) // only the file may be written
	}
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), target)
}
