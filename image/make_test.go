package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// dir, file, link, hard and hide are entries of layers.
func dir(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Uname: content} // Uname carries it
}

func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

func hard(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}
}

func special(name string, kind byte) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Mode: 0o644, Devmajor: 1, Devminor: 3}
}

// archiveOf returns a tar archive.
func archiveOf(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Uname = h.Uname, ""
			h.Size = int64(len(content))
		}
		h.Uid, h.Gid = os.Geteuid(), os.Getegid()
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t *testing.T, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

// layoutDir is an image layout that is being made.
type layoutDir struct {
	*testing.T
	dir   string
	index ispec.Index
}

func newLayout(t *testing.T) *layoutDir {
	t.Helper()
	return &layoutDir{T: t, dir: t.TempDir()}
}

func (l *layoutDir) write(name string, content []byte) {
	l.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		l.Fatal(err)
	}
}

// blob writes content, or the JSON of anything else.
func (l *layoutDir) blob(mediaType string, v any) ispec.Descriptor {
	l.Helper()
	content, ok := v.([]byte)
	if !ok {
		var err error
		if content, err = json.Marshal(v); err != nil {
			l.Fatal(err)
		}
	}
	d := digest.FromBytes(content)
	l.write("blobs/sha256/"+d.Encoded(), content)
	return ispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(content))}
}

// manifest writes an image of uncompressed layers, which are stored as store makes them.
func (l *layoutDir) manifest(config ispec.Image, store func(*testing.T, []byte) []byte, layers ...[]byte) ispec.Descriptor {
	l.Helper()
	m := ispec.Manifest{MediaType: ispec.MediaTypeImageManifest}
	m.SchemaVersion = 2
	config.RootFS = ispec.RootFS{Type: "layers"}
	for _, content := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(content))
		if store != nil {
			content = store(l.T, content)
		}
		m.Layers = append(m.Layers, l.blob(ispec.MediaTypeImageLayer, content))
	}
	m.Config = l.blob(ispec.MediaTypeImageConfig, config)
	return l.blob(ispec.MediaTypeImageManifest, m)
}

// add adds a manifest to index.json, with a tag.
func (l *layoutDir) add(d ispec.Descriptor, tag string) {
	l.Helper()
	if tag != "" {
		d.Annotations = map[string]string{ispec.AnnotationRefName: tag}
	}
	l.index.Manifests = append(l.index.Manifests, d)
	content, err := json.Marshal(l.index)
	if err != nil {
		l.Fatal(err)
	}
	l.write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	l.write("index.json", content)
}

// imageOf writes a layout of one image and returns its directory.
func imageOf(t *testing.T, layers ...[]byte) string {
	t.Helper()
	l := newLayout(t)
	l.add(l.manifest(ispec.Image{}, nil, layers...), "")
	return l.dir
}

// unpacked unpacks an image into a directory beside a file that must not change.
func unpacked(t *testing.T, reference string, o Options) (root string, err error) {
	t.Helper()
	around := t.TempDir()
	outside := filepath.Join(around, "outside")
	if err := os.WriteFile(outside, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	root = filepath.Join(around, "root")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		entries, err := os.ReadDir(around)
		if err != nil || len(entries) != 2 {
			t.Errorf("beside the root: %v, %v", entries, err)
		}
		if content, err := os.ReadFile(outside); string(content) != "outside" {
			t.Errorf("outside = %q, %v", content, err)
		}
	})
	i, err := Open(reference, "")
	if err != nil {
		return root, err
	}
	defer i.Close()
	return root, i.Unpack(t.Context(), root, o)
}

// listing describes the files in a root, one in a line.
func listing(t *testing.T, root string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, _ := filepath.Rel(root, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := info.Mode().String() + " " + name
		switch {
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		case d.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += " " + string(content)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
