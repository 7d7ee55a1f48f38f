/* In a build that counts executed lines, and in no other: what ran before an abort counts as well. The linker
 * passes every call of abort here. */
void __gcov_dump(void);
_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void) __attribute__((visibility("hidden")));

_Noreturn void __wrap_abort(void)
{
    __gcov_dump();
    __real_abort();
}
