/** A fresh CRL on the shelf before the old one ends. */
@NullMarked
package dev.chancery.crl;

import org.jspecify.annotations.NullMarked;
