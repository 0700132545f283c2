package image

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/user"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Spec returns what the image says about a container with the root file system in dir: the
// process, and the annotations, as the image specification has it in conversion.md. User and
// groups are looked up in the root file system. Everything else is not set. Args are empty if
// the image names no program.
//
// Volumes aren't mounted: their directories are parts of the root file system.
func (i *Image) Spec(dir string) (*specs.Spec, error) {
	c := i.Config.Config
	spec := &specs.Spec{Version: specs.Version, Annotations: i.annotations()}
	spec.Process = &specs.Process{
		Args: append(slices.Clip(c.Entrypoint), c.Cmd...),
		Env:  c.Env,
		Cwd:  path.Join("/", c.WorkingDir),
	}
	if c.User == "" {
		return spec, nil
	}
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	spec.Process.User, err = lookUp(root, c.User)
	if err != nil {
		return nil, fmt.Errorf("user %q of the image: %w", c.User, err)
	}
	return spec, nil
}

// lookUp returns the ids of USER[:GROUP], names or numbers, in a root file system. The groups
// of a user are those that name it, unless GROUP is given.
func lookUp(root *os.File, text string) (specs.User, error) {
	passwd, err := readInRoot(root, "etc/passwd")
	if err != nil {
		return specs.User{}, err
	}
	group, err := readInRoot(root, "etc/group")
	if err != nil {
		return specs.User{}, err
	}
	found, err := user.GetExecUser(text, nil, bytes.NewReader(passwd), bytes.NewReader(group))
	if err != nil {
		return specs.User{}, err
	}
	u := specs.User{UID: uint32(found.Uid), GID: uint32(found.Gid)}
	for _, gid := range found.Sgids {
		u.AdditionalGids = append(u.AdditionalGids, uint32(gid))
	}
	return u, nil
}

// readInRoot reads a small regular file; one that doesn't exist is empty.
func readInRoot(root *os.File, name string) ([]byte, error) {
	handle, err := pathrs.OpenatInRoot(root, name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	info, err := handle.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("/%s is not a regular file", name)
	}
	f, err := pathrs.Reopen(handle, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, "/"+name)
}

// reserved are the prefixes of annotations that a runtime acts on, or a manager of the system
// behind it: systemd's properties of a unit, criu's configuration file, the groups of the
// caller. They are for those who run the image, not for those who made it.
var reserved = [...]string{"org.systemd.", "org.criu.", "run.oci.", "org.opencontainers.runc.", "io.katacontainers.", "dev.gvisor."}

// annotations returns the annotations that the image's config stands for. A label of the same
// name wins. Labels that would be settings of a runtime are left out.
func (i *Image) annotations() map[string]string {
	a := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			a["org.opencontainers.image."+name] = value
		}
	}
	set("os", i.Config.OS)
	set("architecture", i.Config.Architecture)
	set("variant", i.Config.Variant)
	set("os.version", i.Config.OSVersion)
	set("os.features", strings.Join(i.Config.OSFeatures, ","))
	set("author", i.Config.Author)
	if i.Config.Created != nil {
		set("created", i.Config.Created.Format(time.RFC3339Nano))
	}
	set("stopSignal", i.Config.Config.StopSignal)
	set("exposedPorts", strings.Join(slices.Sorted(maps.Keys(i.Config.Config.ExposedPorts)), ","))
	for name, value := range i.Config.Config.Labels {
		isReserved := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		if name != "" && !slices.ContainsFunc(reserved[:], isReserved) { // the runtime specification permits no annotation ""
			a[name] = value
		}
	}
	return a
}
