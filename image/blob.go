package image

import (
	"bytes"
	"compress/gzip"
	_ "crypto/sha256" // for digests
	_ "crypto/sha512"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
)

// verified reads a blob. It returns an error instead of io.EOF if the content doesn't have
// the digest, and before that if there is more of it than its size.
type verified struct {
	io.Closer
	from     io.Reader
	name     string
	verifier digest.Verifier
	want     digest.Digest
	left     int64 // < 0 for a size that isn't known
}

func verify(f io.ReadCloser, name string, want digest.Digest, size int64) *verified {
	return &verified{f, f, name, want.Verifier(), want, size}
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.from.Read(p)
	_, _ = v.verifier.Write(p[:n]) // a hash accepts everything
	if v.left >= 0 {
		if v.left -= int64(n); v.left < 0 {
			return 0, fmt.Errorf("%s: it is larger than its descriptor says", v.name)
		}
	}
	if errors.Is(err, io.EOF) && (v.left > 0 || !v.verifier.Verified()) {
		return n, fmt.Errorf("%s: the content doesn't have the digest %s", v.name, v.want)
	}
	return n, err
}

// compressionOf returns the program that decompresses what begins with magic, "" for none.
func compressionOf(magic []byte) string {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return "gunzip"
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "unzstd"
	}
	return ""
}

// content is the uncompressed content of a layer, whose digests are verified at its end.
type content struct {
	io.Reader
	close func()
}

// openLayer opens the content of a layer, of which at most left bytes are read.
func openLayer(s source, l layer, left *int64) (*content, error) {
	f, err := s.open(l.file)
	if err != nil {
		return nil, err
	}
	var file io.Reader = f
	if l.digest != "" {
		file = verify(f, l.file, l.digest, l.size)
	}
	c := &content{close: func() { f.Close() }}
	var magic [4]byte
	n, err := io.ReadFull(file, magic[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		c.close()
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(magic[:n]), file)
	plain := whole
	switch compressionOf(magic[:n]) {
	case "gunzip":
		plain, err = gzip.NewReader(whole)
	case "unzstd":
		var d *zstd.Decoder
		// A window of 128 MiB is that of zstd --ultra --long.
		if d, err = zstd.NewReader(whole, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20)); err == nil {
			plain = d
			c.close = func() { d.Close(); f.Close() }
		}
	default:
		err = nil
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s: %w", l.file, err)
	}
	uncompressed := verify(nil, l.file+", uncompressed", l.diffID, -1)
	uncompressed.from = limited{plain, left}
	// What follows the compressed content belongs to the file, too.
	c.Reader = io.MultiReader(uncompressed, drained{whole})
	return c, nil
}

// limited stops at a number of bytes, for all layers together: what is skipped in a layer is
// decompressed, too.
type limited struct {
	from io.Reader
	left *int64
}

func (l limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if *l.left -= int64(n); *l.left < 0 {
		return 0, errors.New("the layers are larger than the limits of their files and entries allow")
	}
	return n, err
}

// drained reads all and returns nothing of it.
type drained struct{ from io.Reader }

func (d drained) Read([]byte) (int, error) {
	if _, err := io.Copy(io.Discard, d.from); err != nil {
		return 0, err
	}
	return 0, io.EOF
}
