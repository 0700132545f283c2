package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxMetadata bounds the size of a file that is read into memory: an index, a manifest, a
// config, /etc/passwd.
const maxMetadata = 8 << 20

// source has the files of an image: a directory, or a tar archive.
type source interface {
	// open opens a file. The error is fs.ErrNotExist if there is none.
	open(name string) (io.ReadCloser, error)
	io.Closer
}

// openSource opens a directory or a tar archive.
func openSource(name string) (source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(name)
		if err != nil {
			return nil, err
		}
		return directory{root}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("neither a directory nor a file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	a, err := readArchive(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
}

// directory is a source. Symbolic links can't lead out of it.
type directory struct{ *os.Root }

func (d directory) open(name string) (io.ReadCloser, error) {
	info, err := d.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	return d.Open(name)
}

// archive is a source: an uncompressed tar archive.
type archive struct {
	*os.File
	members map[string]member
}

// member is a part of an archive: the place of its content, or a link to another one.
type member struct {
	offset, size int64
	link         string
}

// maxMembers bounds the members of an archive.
const maxMembers = 100_000

func readArchive(f *os.File) (*archive, error) {
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err == nil && compressionOf(magic[:]) != "" {
		return nil, fmt.Errorf("the archive is compressed: decompress it with %s first", compressionOf(magic[:]))
	}
	a := &archive{f, map[string]member{}}
	r := tar.NewReader(f)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not a directory, and as an archive: %w", err)
		}
		if len(a.members) == maxMembers {
			return nil, fmt.Errorf("the archive has more than %d members", maxMembers)
		}
		name := path.Clean(header.Name)
		switch header.Typeflag {
		case tar.TypeReg:
			// The reader doesn't read ahead.
			offset, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			a.members[name] = member{offset: offset, size: header.Size}
		case tar.TypeSymlink:
			a.members[name] = member{link: linkTarget(name, header.Linkname)}
		case tar.TypeLink:
			a.members[name] = member{link: path.Clean(header.Linkname)}
		}
	}
}

// linkTarget returns the name of the member to which a symbolic link points.
func linkTarget(name, target string) string { return path.Join(path.Dir(name), target) }

func (a *archive) open(name string) (io.ReadCloser, error) {
	m, ok := a.members[path.Clean(name)]
	// Old versions of docker save store a layer once and link to it.
	for range 8 {
		if !ok || m.link == "" {
			break
		}
		m, ok = a.members[m.link]
	}
	if !ok || m.link != "" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(io.NewSectionReader(a.File, m.offset, m.size)), nil
}

// readMetadata reads a small file.
func readMetadata(s source, name string) ([]byte, error) {
	f, err := s.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, name)
}

func readAtMost(r io.Reader, name string) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err == nil && len(content) > maxMetadata {
		err = fmt.Errorf("%s: larger than %d MiB", name, maxMetadata>>20)
	}
	return content, err
}

// split separates the tag from the path of an image: PATH[:TAG]. The longest path
// that exists is taken, because a tag and the name of a file may have colons.
func split(reference string) (name, tag string) {
	for end := len(reference); end > 0; end = strings.LastIndexByte(reference[:end], ':') {
		if _, err := os.Lstat(reference[:end]); err == nil {
			return reference[:end], strings.TrimPrefix(reference[end:], ":")
		}
	}
	name, tag, _ = strings.Cut(reference, ":")
	return name, tag
}
