package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/rawio"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// bundle is a directory with a config.json, read and found to be valid.
type bundle struct {
	dir, rootfs string
	content     []byte // of config.json, as it is
	spec        *specs.Spec
	host        *host.Host
}

// openBundle reads a bundle; "" is the working directory.
func (r *Runtime) openBundle(path string) (*bundle, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	b := &bundle{dir: dir}
	if b.content, err = readConfig(dir); err != nil {
		return nil, during("bundle", CodeBundleInvalid, err)
	}
	if b.spec, err = config.Decode(b.content); err != nil {
		return nil, during("config", CodeConfigInvalid, err)
	}
	if b.spec.Linux == nil {
		b.spec.Linux = &specs.Linux{} // absent is empty
	}
	if !namesRootfs(b.spec) {
		// There is no mount to ask the host about, and more may be wrong.
		return nil, r.report(config.Validate(b.spec, host.Any()))
	}
	if b.rootfs, err = findRootfs(dir, b.spec); err != nil {
		return nil, during("bundle", CodeBundleInvalid, err)
	}
	if b.host, err = host.Probe(b.spec, b.rootfs); err != nil {
		return nil, err
	}
	if err := r.report(config.Validate(b.spec, b.host)); err != nil {
		return nil, err
	}
	return b, nil
}

func readConfig(dir string) ([]byte, error) {
	path := filepath.Join(dir, "config.json")
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
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

func namesRootfs(spec *specs.Spec) bool { return spec.Root != nil && spec.Root.Path != "" }

// findRootfs is root.path, absolute. Its last component must be a directory and
// not a link: the image's owner could point it anywhere.
func findRootfs(dir string, spec *specs.Spec) (string, error) {
	path := spec.Root.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	path = filepath.Clean(path)
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	switch {
	case err != nil:
		return "", place.Errorf(place.At("/root/path"), "invalid rootfs %s: %w", path, err)
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return "", place.Errorf(place.At("/root/path"), "invalid rootfs %s: not an absolute path, or a symlink", path)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return "", place.Errorf(place.At("/root/path"), "invalid rootfs %s: %w", path, unix.ENOTDIR)
	case path == "/":
		return "", place.Errorf(place.At("/root/path"), "invalid rootfs /: the host's own root: %w", fs.ErrInvalid)
	}
	return path, nil
}

func hasHooks(h *specs.Hooks) bool {
	//nolint:staticcheck // prestart is deprecated, and required
	return h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer)+len(h.StartContainer)+
		len(h.Poststart)+len(h.Poststop) > 0
}

func resources(spec *specs.Spec) *specs.LinuxResources {
	if spec.Linux.Resources == nil {
		return &specs.LinuxResources{}
	}
	return spec.Linux.Resources
}
