/* hang DIRECTORY: serves a file system there, with FUSE, that never answers when a name in it
 * is looked up. It needs /dev/fuse and CAP_SYS_ADMIN, and runs until it is killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static union {
	struct fuse_in_header header;
	char bytes[1 << 17];
} request;

static void answer(int fd, int error, const void *content, size_t size)
{
	struct {
		struct fuse_out_header header;
		char content[256];
	} a = {.header = {sizeof(a.header) + (unsigned)size, -error, request.header.unique}};

	if (size > 0)
		memcpy(a.content, content, size);
	if (write(fd, &a, a.header.len) < 0 && errno != ENOENT)
		perror("hang: write");
}

int main(int argc, char **argv)
{
	char options[100];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (argc != 2 || fd < 0) {
		perror("hang: /dev/fuse");
		return 1;
	}
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	if (mount("hang", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		perror("hang: mount");
		return 1;
	}
	for (;;) {
		struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096};
		struct fuse_attr_out attr = {.attr = {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2}};

		if (read(fd, &request, sizeof(request)) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			return 1;
		}
		switch (request.header.opcode) {
		case FUSE_INIT:
			answer(fd, 0, &init, sizeof(init));
			break;
		case FUSE_GETATTR:
			answer(fd, 0, &attr, sizeof(attr));
			break;
		case FUSE_LOOKUP:
		case FUSE_FORGET:
		case FUSE_INTERRUPT:
			break;
		default:
			answer(fd, ENOSYS, NULL, 0);
		}
	}
}
