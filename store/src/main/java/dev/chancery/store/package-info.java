/** The ledgers kept in SQL, on PostgreSQL or in an embedded H2 file. */
@NullMarked
package dev.chancery.store;

import org.jspecify.annotations.NullMarked;
