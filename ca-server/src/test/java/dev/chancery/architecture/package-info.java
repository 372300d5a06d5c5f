/** Rules that hold over all modules: who may see whom, what may be named how. */
@NullMarked
package dev.chancery.architecture;

import org.jspecify.annotations.NullMarked;
