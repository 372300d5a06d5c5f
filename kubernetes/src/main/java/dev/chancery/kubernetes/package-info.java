/**
 * The HTTP API of Vault, as far as controllers in a cluster need it to have certificates signed.
 */
@NullMarked
package dev.chancery.kubernetes;

import org.jspecify.annotations.NullMarked;
