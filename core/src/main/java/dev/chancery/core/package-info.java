/**
 * What names, keys, requests, approvals, profiles, certificates and statuses are, and the seams
 * between the modules: {@link dev.chancery.core.CertificateAuthority} and the ledgers.
 */
@NullMarked
package dev.chancery.core;

import org.jspecify.annotations.NullMarked;
