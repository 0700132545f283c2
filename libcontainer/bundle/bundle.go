// Package bundle reads a bundle, a directory with a config.json and a rootfs:
// bundle.md.
package bundle

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/rawio"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// Bundle is a bundle whose config.json has no errors on this host. Spec.Linux is never
// nil.
type Bundle struct {
	// Dir and Rootfs are absolute paths.
	Dir, Rootfs string
	// Content is the text of the config.
	Content []byte
	Spec    *specs.Spec
	Host    *host.Host
	// Warnings are those of Decode and of Validate.
	Warnings []config.Problem
}

// Open reads and validates the bundle in a directory; "" is the working directory. file is
// its config; "" is the config.json in it. The error is a *fault.Fault.
func Open(path, file string) (*Bundle, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	b := &Bundle{Dir: dir}
	if b.Content, err = ReadConfig(dir, file); err != nil {
		return nil, err
	}
	if b.Spec, b.Warnings, err = config.DecodeFile(cmp.Or(file, configName), b.Content); err != nil {
		return nil, fault.Wrap("config", fault.ConfigInvalid, err)
	}
	if b.Spec.Linux == nil {
		b.Spec.Linux = &specs.Linux{} // absent is empty
	}
	if !NamesRootfs(b.Spec) {
		// Without a rootfs the host can't be probed. Validate reports this problem and
		// all others.
		return nil, b.validate(host.Any())
	}
	if b.Rootfs, err = FindRootfs(dir, b.Spec); err != nil {
		return nil, fault.Wrap("bundle", fault.BundleInvalid, err)
	}
	if b.Host, err = host.Probe(b.Spec, b.Rootfs); err != nil {
		return nil, err
	}
	if err := b.validate(b.Host); err != nil {
		return nil, err
	}
	return b, nil
}

// validate sets Warnings, and returns an error if there are problems that aren't warnings.
func (b *Bundle) validate(on *host.Host) error {
	b.Warnings = append(b.Warnings, config.Validate(b.Spec, on)...)
	return fault.Wrap("config", fault.ConfigInvalid, config.FirstError(b.Warnings))
}

const configName = "config.json"

// ReadConfig reads the config of the bundle in a directory: file, relative to the working
// directory, or the config.json in dir if file is "". The error is a *fault.Fault.
func ReadConfig(dir, file string) ([]byte, error) {
	content, err := readConfig(dir, file)
	return content, fault.Wrap("bundle", fault.BundleInvalid, err)
}

func readConfig(dir, file string) ([]byte, error) {
	path := cmp.Or(file, filepath.Join(dir, configName))
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT && file == "" {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("bundle %s: %w", dir, errors.Unwrap(err))
		}
		return nil, fmt.Errorf("JSON specification file config.json not found in %s", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	content, err := rawio.ReadAll(fd)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return content, nil
}

// NamesRootfs reports whether root.path is set.
func NamesRootfs(spec *specs.Spec) bool { return spec.Root != nil && spec.Root.Path != "" }

// FindRootfs returns root.path as an absolute path. Its last component must be a
// directory and not a symbolic link, because the owner of the image could let a link
// point anywhere.
func FindRootfs(dir string, spec *specs.Spec) (string, error) {
	path := spec.Root.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	path = filepath.Clean(path)
	at := place.At("/root/path")
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	switch {
	case err != nil:
		return "", place.Errorf(at, "invalid rootfs %s: %w", path, err)
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return "", place.Errorf(at, "invalid rootfs %s: not an absolute path, or a symlink", path)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return "", place.Errorf(at, "invalid rootfs %s: %w", path, unix.ENOTDIR)
	case path == "/":
		return "", place.Errorf(at, "invalid rootfs /: the host's own root: %w", fs.ErrInvalid)
	}
	return path, nil
}

// HasHooks reports whether a config has any hook.
func HasHooks(h *specs.Hooks) bool {
	//nolint:staticcheck // prestart is deprecated, and required
	return h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer)+len(h.StartContainer)+
		len(h.Poststart)+len(h.Poststop) > 0
}

// Resources returns linux.resources; empty resources if it isn't set.
func Resources(spec *specs.Spec) *specs.LinuxResources {
	if spec.Linux.Resources == nil {
		return &specs.LinuxResources{}
	}
	return spec.Linux.Resources
}
