/** RFC 6960 answered from the status ledger. */
@NullMarked
package dev.chancery.ocsp;

import org.jspecify.annotations.NullMarked;
