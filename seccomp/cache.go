package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	// cacheEntries is the number of programs that are kept: one more evicts the
	// oldest. A host has a handful of profiles; an entry has about 10 KB, usually in a
	// tmpfs.
	cacheEntries = 64

	cacheMagic      = "runnel-seccomp-2"
	cacheHeaderSize = len(cacheMagic) + 8 + 4 // the magic, a checksum, the length of the key
)

// cacheKey is everything that decides a program, see keyOf. It is stored with the
// program and compared as a whole: instead, a hash would have to be a cryptographic
// one, and linking that costs every command more at its start than it saves here.
type cacheKey string

// fileName returns the name of the key's entry. Another key may have the same; the
// entry is then that of the key saved last.
func (k cacheKey) fileName() string {
	return fmt.Sprintf("%016x", hash(string(k)))
}

// cache is a directory of compiled programs, each in a file with its key. Who can
// write there decides what the filters of containers are. The directory must
// therefore belong to the user and be closed to everybody else, and so must each
// file. A nil cache is empty and stores nothing.
type cache struct {
	path string
	fd   int
}

// openCache opens the directory, which it creates if it doesn't exist. On an error,
// and for an empty path, the cache is nil.
func openCache(path string) (*cache, error) {
	if path == "" {
		return nil, nil
	}
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Open(path, flags, 0)
	if errors.Is(err, unix.ENOENT) {
		if err := unix.Mkdir(path, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
		}
		fd, err = unix.Open(path, flags, 0)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Uid != uint32(os.Geteuid()) || st.Mode&0o077 != 0 {
		unix.Close(fd)
		return nil, fmt.Errorf("%s has owner %d and mode %#o, but must be ours alone (0700)", path, st.Uid, st.Mode&0o7777)
	}
	return &cache{path, fd}, nil
}

func (c *cache) close() {
	if c != nil {
		unix.Close(c.fd)
	}
}

// load returns the program of the key; nil if there is none that can be trusted,
// for whatever reason: it is then compiled and saved again.
func (c *cache) load(key cacheKey) []byte {
	if c == nil {
		return nil
	}
	// Without O_NONBLOCK, opening a FIFO of that name would block.
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
	fd, err := unix.Openat(c.fd, key.fileName(), flags, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil
	}
	most := cacheHeaderSize + len(key) + maxInstructions*instructionSize
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o022 != 0 || st.Uid != uint32(os.Geteuid()) || st.Size > int64(most) {
		return nil
	}
	content := make([]byte, st.Size)
	if n, err := unix.Read(fd, content); err != nil || n != len(content) {
		return nil
	}
	return programOf(key, content)
}

// entryOf returns the content of a file: magic, checksum of what follows, length of
// the key, key, program.
func entryOf(key cacheKey, program []byte) []byte {
	b := make([]byte, cacheHeaderSize, cacheHeaderSize+len(key)+len(program))
	binary.LittleEndian.PutUint32(b[cacheHeaderSize-4:], uint32(len(key)))
	b = append(b, key...)
	b = append(b, program...)
	copy(b, cacheMagic)
	binary.LittleEndian.PutUint64(b[len(cacheMagic):], sumOf(b))
	return b
}

// programOf is the reverse of entryOf. It returns nil for content that is damaged,
// truncated or another key's.
func programOf(key cacheKey, content []byte) []byte {
	if len(content) <= cacheHeaderSize+len(key) || string(content[:len(cacheMagic)]) != cacheMagic ||
		binary.LittleEndian.Uint64(content[len(cacheMagic):]) != sumOf(content) ||
		binary.LittleEndian.Uint32(content[cacheHeaderSize-4:]) != uint32(len(key)) ||
		string(content[cacheHeaderSize:cacheHeaderSize+len(key)]) != string(key) {
		return nil
	}
	program := content[cacheHeaderSize+len(key):]
	if len(program)%instructionSize != 0 {
		return nil
	}
	return program
}

// sumOf returns the checksum, which detects accidental damage. The file's mode
// prevents the other kind.
func sumOf(content []byte) uint64 { return hash(content[cacheHeaderSize-4:]) }

// hash returns FNV-1a over words of eight bytes, with each word's upper half mixed
// into the lower one.
func hash[T string | []byte](s T) uint64 {
	const offset, prime = 0xcbf29ce484222325, 0x100000001b3
	h := offset ^ uint64(len(s))
	var word [8]byte
	for len(s) > 0 {
		clear(word[:])
		s = s[copy(word[:], s):]
		h = (h ^ binary.LittleEndian.Uint64(word[:])) * prime
		h ^= h >> 32
	}
	return h
}

// save stores a program atomically, replacing an entry of the same name.
func (c *cache) save(key cacheKey, program []byte) error {
	if c == nil {
		return nil
	}
	name := key.fileName()
	// Several goroutines of one process may save the same program.
	temporary := fmt.Sprintf(".%s.%d.%x", name, os.Getpid(), rand.Uint64())
	if err := c.write(temporary, entryOf(key, program)); err != nil {
		return &os.PathError{Op: "write", Path: filepath.Join(c.path, name), Err: err}
	}
	if err := unix.Renameat(c.fd, temporary, c.fd, name); err != nil {
		unix.Unlinkat(c.fd, temporary, 0)
		return &os.PathError{Op: "write", Path: filepath.Join(c.path, name), Err: err}
	}
	return c.evict()
}

func (c *cache) write(name string, content []byte) error {
	fd, err := unix.Openat(c.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	n, err := unix.Write(fd, content)
	if err == nil && n < len(content) {
		err = unix.ENOSPC
	}
	if closing := unix.Close(fd); err == nil {
		err = closing
	}
	if err != nil {
		unix.Unlinkat(c.fd, name, 0)
	}
	return err
}

// evict removes the oldest files until cacheEntries are left. Temporary files of
// processes that died while writing are among them.
func (c *cache) evict() error {
	entries, err := os.ReadDir(c.path)
	if err != nil {
		return err
	}
	for excess := len(entries) - cacheEntries; excess > 0; excess-- {
		oldest, written := "", int64(0)
		for _, entry := range entries {
			var st unix.Stat_t
			if unix.Fstatat(c.fd, entry.Name(), &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
				continue
			}
			if at := st.Mtim.Nano(); oldest == "" || at < written {
				oldest, written = entry.Name(), at
			}
		}
		if oldest == "" {
			return nil
		}
		if err := unix.Unlinkat(c.fd, oldest, 0); err != nil && !errors.Is(err, unix.ENOENT) {
			return &os.PathError{Op: "remove", Path: filepath.Join(c.path, oldest), Err: err}
		}
	}
	return nil
}
