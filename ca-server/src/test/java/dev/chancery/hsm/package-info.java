/** Keys for tests; beside the token's own types, which only this package can make. */
@NullMarked
package dev.chancery.hsm;

import org.jspecify.annotations.NullMarked;
