// libstdc++ asks this variable of glibc 2.32 whether counters of shared pointers need atomic operations. With a
// definition of our own the plugin needs no such glibc: compiled on a new system, it loads on an old one.

extern "C" {
__attribute__((visibility("hidden"))) extern char __libc_single_threaded;
// There may be several threads.
char __libc_single_threaded = 0;
}
