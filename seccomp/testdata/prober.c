/* prober FILTER FLAGS ABI NUMBER ARG...: loads the BPF program in the file FILTER with the
 * FLAGS of seccomp(2), makes one syscall by the 64-bit ("64") or the 32-bit entry ("32"),
 * and writes its raw result. With the ABI "-" it only loads. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static long call64(long n, const long *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(n), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static long call32(long n, const long *a)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(n), "b"(a[0]), "c"(a[1]), "d"(a[2])
			 : "r8", "r9", "r10", "r11", "memory");
	return (int)result;
}

int main(int argc, char **argv)
{
	static char program[4096 * 8];
	char text[32];
	long args[6] = {0}, result = 0;
	int fd = open(argv[1], O_RDONLY);
	ssize_t size = read(fd, program, sizeof(program));
	struct sock_fprog filter = {(unsigned short)(size / 8), (struct sock_filter *)program};
	unsigned long flags = strtoul(argv[2], NULL, 0);
	long number = argc > 4 ? strtol(argv[4], NULL, 0) : 0;
	int abi = argv[3][0];

	close(fd);
	for (int i = 5; i < argc && i < 11; i++)
		args[i - 5] = (long)strtoull(argv[i], NULL, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) < 0) {
		fprintf(stderr, "load: %s\n", strerror(errno));
		return 1;
	}
	if (abi == '6')
		result = call64(number, args);
	else if (abi == '3')
		result = call32(number, args);
	size = snprintf(text, sizeof(text), "%ld", result);
	syscall(SYS_write, 1, text, size);
	syscall(SYS_exit_group, 0);
}
