// SPDX-License-Identifier: GPL-2.0-only
/* QEMU from outside, see vm.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edu.h"
#include "guest.h"
#include "vm.h"

/* The tree of packages that QEMU is in, with all the libraries that it needs */
#define LIB		"/lib/x86_64-linux-gnu"
#define TMP		"/tmp"
#define HUGE		"/tmp/huge"
#define FIRMWARE	TMP "/firmware"

/* What a line of the log of shim.c has in it if the call has failed */
#define FAILED		": -"

#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc

/* A variable that the suite sets */
static const char *setting(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		die("$%s is not set", name);
	return value;
}

void die(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	exit(1);
}

void nap(unsigned int ms)
{
	usleep(ms * 1000);
}

void vm_edu_find(unsigned int nth, char *bdf)
{
	char path[PATH_MAX];

	if (vfio_find(EDU_VENDOR, EDU_DEVICE, nth, bdf))
		die("there are not %u edu devices", nth + 1);
	snprintf(path, sizeof(path),
		 "/sys/bus/pci/drivers/edu-vfio-pci/%s", bdf);
	if (access(path, F_OK))
		die("%s is not bound to edu-vfio-pci", bdf);
}

static int connect_to(const struct vm *vm, const char *what)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	uint64_t end = now_ms() + VM_WAIT_MS;
	int fd, status;

	snprintf(addr.sun_path, sizeof(addr.sun_path), TMP "/%s.%s", vm->name, what);
	while (now_ms() < end) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			break;
		if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
			return fd;
		close(fd);
		if (waitpid(vm->pid, &status, WNOHANG) > 0)
			die("QEMU has not started: it ended, with wait status 0x%x",
			    status);
		nap(50);
	}
	die("QEMU does not listen at %s", addr.sun_path);
}

static void send_all(int fd, const char *text)
{
	size_t len = strlen(text);

	/* A QEMU that has ended is a failed test, not a signal. */
	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("QEMU does not listen any more");
}

/* One line, without its end; of one that is too long, what fits */
static void read_line(int fd, char *line, size_t size)
{
	size_t len = 0;
	int status;
	char c;

	while (read(fd, &c, 1) == 1) {
		if (c == '\n') {
			line[len] = 0;
			return;
		}
		if (len < size - 1)
			line[len++] = c;
	}
	nap(100);
	if (waitpid(-1, &status, WNOHANG) <= 0)
		die("QEMU hangs up");
	die("QEMU has ended, with wait status 0x%x", status);
}

/* Memory is a file that the test sees too. */
static void map_ram(struct vm *vm, bool large)
{
	int fd;

	snprintf(vm->ram_path, sizeof(vm->ram_path), "%s/%s.ram",
		 large ? HUGE : TMP, vm->name);
	unlink(vm->ram_path);
	fd = open(vm->ram_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, VM_RAM))
		die("cannot make %s", vm->ram_path);
	vm->ram = mmap(NULL, VM_RAM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (vm->ram == MAP_FAILED)
		die("no memory for %s", vm->ram_path);
}

/*
 * So that no two pages that follow each other do so in physical memory, where
 * they could become one leaf.
 */
static void scatter_ram(struct vm *vm, uint64_t page)
{
	uint64_t off;

	for (off = 0; off < VM_RAM; off += 2 * page)
		vm->ram[off] = 0;
	for (off = VM_RAM - page; off < VM_RAM; off -= 2 * page)
		vm->ram[off] = 0;
}

/**
 * struct args - a command line
 * @argv: the arguments, ended by NULL
 * @text: those of them that were made for it
 * @n: number of them
 */
struct args {
	const char *argv[64];
	char *text[64];
	unsigned int n;
};

/* An argument, or an option and its value */
PRINTF(3, 4)
static void option(struct args *args, const char *name, const char *fmt, ...)
{
	va_list ap;

	if (name)
		args->argv[args->n++] = name;
	va_start(ap, fmt);
	if (vasprintf(&args->text[args->n], fmt, ap) < 0)
		die("no memory for a command line");
	va_end(ap);
	args->argv[args->n] = args->text[args->n];
	args->n++;
}

/* The loader, QEMU and the machine, as far as all machines are alike */
static void machine_args(struct args *args, const struct vm *vm, const char *root,
			 const char *usr)
{
	option(args, NULL, "%s%s" LIB "/ld-linux-x86-64.so.2", root, usr);
	option(args, "--library-path", "%s/usr" LIB ":%s" LIB, root, root);
	option(args, "--preload", "%s", setting("QEMU_SHIM"));
	option(args, NULL, "%s/usr/bin/qemu-system-x86_64", root);
	option(args, "-L", "%s/usr/share/qemu", root);
	option(args, "-L", "%s/usr/share/seabios", root);
	option(args, NULL, "-nodefaults");
	option(args, NULL, "-no-user-config");
	option(args, NULL, "-S");
	option(args, "-display", "none");
	option(args, "-vga", "none");
	option(args, "-net", "none");
	option(args, "-accel", "tcg");
	option(args, "-M", "pc,memory-backend=ram");
	option(args, "-m", "%lluM", VM_RAM / MIB);
	option(args, "-object",
	       "memory-backend-file,id=ram,size=%llu,share=on,mem-path=%s",
	       VM_RAM, vm->ram_path);
	option(args, "-bios", FIRMWARE);
	option(args, "-qmp", "unix:" TMP "/%s.qmp,server=on,wait=off", vm->name);
	option(args, "-qtest", "unix:" TMP "/%s.qtest,server=on,wait=off", vm->name);
	option(args, "-qtest-log", "none");
	option(args, "-D", "%s", vm->trace);
	option(args, "-trace", "vfio_get_dirty_bitmap");
	option(args, "-trace", "iommufd_backend_*");
	option(args, "-trace", "vfio_migration_set_*");
	option(args, "-trace", "migration_bitmap_sync_end");
}

static void __attribute__((noreturn))
run_qemu(const struct vm *vm, const struct vm_config *config)
{
	struct args args = { .n = 0 };
	char root[PATH_MAX / 2], modules[PATH_MAX];

	/* Debian 12 has the loader, and some libraries, in /lib still. */
	snprintf(root, sizeof(root), "%s/%s", setting("QEMU_ROOT"),
		 config->old ? "bookworm" : "trixie");
	machine_args(&args, vm, root, config->old ? "" : "/usr");
	if (config->legacy) {
		/* By itself QEMU 10 asks no container whether it tracks. */
		option(&args, "-device",
		       "vfio-pci,host=%s,%senable-migration=on,id=edu0,addr=%d",
		       config->device, config->old ? "x-" : "", VM_SLOT);
	} else {
		if (config->iommufd < 0)
			option(&args, "-object", "iommufd,id=iommufd0");
		else
			option(&args, "-object", "iommufd,id=iommufd0,fd=%d",
			       config->iommufd);
		option(&args, "-device",
		       "vfio-pci,host=%s,iommufd=iommufd0,id=edu0,addr=%d",
		       config->device, VM_SLOT);
	}
	if (config->incoming)
		option(&args, "-incoming", "unix:" TMP "/migration");
	args.argv[args.n] = NULL;

	/* The loader is what it takes for itself when it looks for modules. */
	snprintf(modules, sizeof(modules), "%s/usr" LIB "/qemu", root);
	setenv("QEMU_MODULE_DIR", modules, 1);
	setenv("SHIM_LOG", vm->calls, 1);
	if (config->old)
		setenv("SHIM_V1", "1", 1);
	if (config->drop)
		setenv("SHIM_DROP", "1", 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(args.argv[0], (char **)args.argv);
	die("cannot run %s", args.argv[0]);
}

void vm_start(struct vm *vm, const struct vm_config *config)
{
	char path[128];

	memset(vm, 0, sizeof(*vm));
	snprintf(vm->name, sizeof(vm->name), "%s", config->name);
	snprintf(vm->trace, sizeof(vm->trace), TMP "/%s.trace", vm->name);
	unlink(vm->trace);
	snprintf(vm->calls, sizeof(vm->calls), TMP "/%s.calls", vm->name);
	unlink(vm->calls);
	snprintf(path, sizeof(path), TMP "/%s.qmp", vm->name);
	unlink(path);
	snprintf(path, sizeof(path), TMP "/%s.qtest", vm->name);
	unlink(path);
	map_ram(vm, config->large);
	scatter_ram(vm, config->large ? LARGE : PAGE);
	guest_firmware(FIRMWARE);

	fflush(stdout);
	vm->pid = fork();
	if (vm->pid < 0)
		die("cannot fork");
	if (!vm->pid)
		run_qemu(vm, config);
	vm->qmp = connect_to(vm, "qmp");
	vm->qtest = connect_to(vm, "qtest");
	vm_qmp(vm, "{'execute':'qmp_capabilities'}");
}

void vm_end(struct vm *vm)
{
	if (!vm->pid)
		return;
	kill(vm->pid, SIGKILL);
	waitpid(vm->pid, NULL, 0);
	vm->pid = 0;
	close(vm->qmp);
	close(vm->qtest);
	munmap(vm->ram, VM_RAM);
	unlink(vm->ram_path);
}

const char *vm_qmp(struct vm *vm, const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(command, sizeof(command) - 1, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= sizeof(command) - 1)
		die("%s: too long a command: %s", vm->name, fmt);
	command[n] = '\n';
	command[n + 1] = 0;
	send_all(vm->qmp, command);
	/* The greeting and events come between. */
	do {
		read_line(vm->qmp, vm->reply, sizeof(vm->reply));
		if (!strncmp(vm->reply, "{\"error\"", 8))
			die("%s: %s gives %s", vm->name, command, vm->reply);
	} while (strncmp(vm->reply, "{\"return\"", 9));
	return vm->reply;
}

static uint64_t number_behind(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 0) : 0;
}

uint64_t vm_number(const struct vm *vm, const char *key)
{
	char quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\": ", key);
	return number_behind(vm->reply, quoted);
}

bool vm_status(struct vm *vm, const char *query, const char *status)
{
	char text[64];

	snprintf(text, sizeof(text), "\"status\": \"%s\"", status);
	return strstr(vm_qmp(vm, "{'execute':'%s'}", query), text);
}

void vm_wait(struct vm *vm, const char *query, const char *status)
{
	uint64_t end = now_ms() + VM_WAIT_MS;

	while (!vm_status(vm, query, status)) {
		if (now_ms() > end ||
		    (strstr(vm->reply, "\"failed\"") && strcmp(status, "failed")))
			die("%s: not %s but %s", vm->name, status, vm->reply);
		nap(100);
	}
}

static unsigned int count_lines(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	unsigned int lines = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		lines += !!strstr(line, text);
	if (file)
		fclose(file);
	return lines;
}

unsigned int vm_trace_count(const struct vm *vm, const char *text)
{
	return count_lines(vm->trace, text);
}

unsigned int vm_call_count(const struct vm *vm, const char *call)
{
	return count_lines(vm->calls, call);
}

static void show_times(const char *line, unsigned int times)
{
	if (times > 1)
		printf("# %s, %u times\n", line, times);
	else
		printf("# %s\n", line);
}

/* The lines that have either text in them, equal ones that follow each other as one */
static void show_lines(const char *path, const char *text, const char *other)
{
	FILE *file = fopen(path, "r");
	char line[512], last[512] = "";
	unsigned int times = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, text) && !strstr(line, other))
			continue;
		line[strcspn(line, "\n")] = 0;
		if (times && strcmp(line, last))
			show_times(last, times);
		times = strcmp(line, last) ? 1 : times + 1;
		memcpy(last, line, sizeof(last));
	}
	if (times)
		show_times(last, times);
	if (file)
		fclose(file);
}

unsigned int vm_calls_failed(const struct vm *vm)
{
	show_lines(vm->calls, FAILED, FAILED);
	return count_lines(vm->calls, FAILED);
}

uint64_t vm_trace_sum(const struct vm *vm, const char *text, const char *key)
{
	FILE *file = fopen(vm->trace, "r");
	uint64_t sum = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, text))
			sum += number_behind(line, key);
	}
	if (file)
		fclose(file);
	return sum;
}

void vm_trace_show(const struct vm *vm, const char *text)
{
	show_lines(vm->trace, text, ") state ");
}

/* qtest answers each line with one that begins with OK. */
PRINTF(2, 3)
static uint64_t qtest(struct vm *vm, const char *fmt, ...)
{
	char line[128], answer[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	send_all(vm->qtest, line);
	read_line(vm->qtest, answer, sizeof(answer));
	if (strncmp(answer, "OK", 2))
		die("%s: qtest says %s to %s", vm->name, answer, line);
	return strtoull(answer + 2, NULL, 0);
}

void vm_write(struct vm *vm, unsigned int bytes, uint64_t addr, uint64_t val)
{
	qtest(vm, "write%c 0x%llx 0x%llx\n", bytes == 8 ? 'q' : 'l',
	      (unsigned long long)addr, (unsigned long long)val);
}

uint64_t vm_read(struct vm *vm, unsigned int bytes, uint64_t addr)
{
	return qtest(vm, "read%c 0x%llx\n", bytes == 8 ? 'q' : 'l',
		     (unsigned long long)addr);
}

void vm_out(struct vm *vm, uint16_t port, uint32_t val)
{
	qtest(vm, "outl 0x%x 0x%x\n", port, val);
}

void vm_edu_setup(struct vm *vm, unsigned int slot)
{
	uint32_t function = 0x80000000u | slot << 11;

	vm_out(vm, PCI_ADDRESS, function | 0x10);
	vm_out(vm, PCI_DATA, VM_BAR(slot));
	vm_out(vm, PCI_ADDRESS, function | 0x04);
	vm_out(vm, PCI_DATA, 0x6);
	if (vm_read(vm, 4, VM_BAR(slot)) != 0x010000ed)
		die("%s: no edu in slot %u", vm->name, slot);
}

void vm_edu_start(struct vm *vm, unsigned int slot, uint64_t addr,
		  unsigned int len, unsigned int off, bool to_ram)
{
	uint64_t bar = VM_BAR(slot), buffer = EDU_BUF + off;

	vm_write(vm, 8, bar + EDU_DMA_SRC, to_ram ? buffer : addr);
	vm_write(vm, 8, bar + EDU_DMA_DST, to_ram ? addr : buffer);
	vm_write(vm, 8, bar + EDU_DMA_COUNT, len);
	vm_write(vm, 4, bar + EDU_DMA_CMD,
		 EDU_CMD_RUN | (to_ram ? EDU_CMD_TO_RAM : 0));
}

void vm_edu_wait(struct vm *vm, unsigned int slot)
{
	uint64_t end = now_ms() + VM_WAIT_MS;

	while (vm_read(vm, 4, VM_BAR(slot) + EDU_DMA_CMD) & EDU_CMD_RUN) {
		if (now_ms() > end)
			die("%s: a transfer does not end", vm->name);
		nap(10);
	}
}
