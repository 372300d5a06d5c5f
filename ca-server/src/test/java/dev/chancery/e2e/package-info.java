/** The built distribution, run as its users run it. */
@NullMarked
package dev.chancery.e2e;

import org.jspecify.annotations.NullMarked;
