package dev.chancery.server;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.server.ceremony.Outcome;
import dev.chancery.store.JooqCrlLedger;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.X509CRLEntryHolder;
import org.bouncycastle.cert.X509CRLHolder;

/**
 * Takes the CRL of a root out of a ceremony. A list of a root is a statement of all that it has
 * revoked: one that forgets something would make it good again, and is refused.
 */
final class RootCrlImport {
  /** The ledgers of a server. */
  record Ledgers(IssuanceLedger issuance, RevocationLedger revocations, JooqCrlLedger crls) {}

  private final Ledgers ledgers;
  private final IssuerId root;
  private final Clock clock;

  RootCrlImport(Ledgers ledgers, IssuerId root, Clock clock) {
    this.ledgers = ledgers;
    this.root = root;
    this.clock = clock;
  }

  /** Whether the very list is published already. */
  boolean isPublished(X509CRLHolder list) {
    return current().map(RootCrl::decoded).filter(list::equals).isPresent();
  }

  /**
   * Why the number of a list keeps it from being published; empty when it does not.
   *
   * @throws CommandFailed when the list is not {@link #requireWhole whole}
   */
  Optional<String> tooLow(X509CRLHolder list, BigInteger number) throws CommandFailed {
    Optional<BigInteger> published = published().filter(known -> known.compareTo(number) >= 0);
    if (published.isPresent()) {
      return Optional.of(published.get() + " is published");
    }
    try {
      requireWhole(list);
    } catch (CommandFailed e) {
      throw refused(number, e);
    }
    return next().compareTo(number) > 0
        ? Optional.of(
            ("a list with a number up to %d was given up, or refused: the next one's is %d or"
                    + " higher")
                .formatted(next().subtract(BigInteger.ONE), next()))
        : Optional.empty();
  }

  private CommandFailed refused(BigInteger number, CommandFailed why) {
    // It is signed all the same, and whoever has it takes it for the one of its number.
    ledgers.crls().useNumber(root, number);
    return new CommandFailed(
        "%s; the number of the next list is %d or higher".formatted(why.getMessage(), next()));
  }

  /**
   * Has the number of a list that a ceremony gave up count as used: the root may have signed it,
   * and two lists of one number and other contents would be taken for one (RFC 5280 5.2.3).
   */
  void giveUp(BigInteger number) {
    ledgers.crls().useNumber(root, number);
  }

  /** The lowest number that the next list may have. */
  BigInteger next() {
    return ledgers.crls().usedNumber(root).add(BigInteger.ONE);
  }

  /** The number of the published list, which the others are held against. */
  Optional<BigInteger> published() {
    return current().map(PublishedCrl::number);
  }

  private Optional<PublishedCrl> current() {
    return RootCrl.current(ledgers.crls(), root);
  }

  /** The published list, with reasons that are some. */
  private Optional<X509CRLHolder> publishedList() throws CommandFailed {
    Optional<X509CRLHolder> list = current().map(RootCrl::decoded);
    if (list.isPresent()) {
      requireReasons(list.get());
    }
    return list;
  }

  /**
   * Refuses a list that lacks what the published one or the ledger says is revoked, or says
   * something else of it than either. What was on hold may be revoked for good, from when the hold
   * began. Where the published list and the ledger differ, the list counts: no later one could be
   * as both say.
   *
   * @throws CommandFailed with the serial numbers
   */
  void requireWhole(X509CRLHolder list) throws CommandFailed {
    requireReasons(list);
    requireFinal(list);
    requireAsKnown(list);
    Instant made = list.getThisUpdate().toInstant();
    SortedSet<SerialNumber> lacking =
        new RootCrl(root, ledgers.crls(), ledgers.revocations(), clock).lacking(list, made);
    Optional<X509CRLHolder> published = publishedList();
    if (published.isPresent()) {
      for (X509CRLEntryHolder entry : entries(published.get())) {
        X509CRLEntryHolder now = list.getRevokedCertificate(entry.getSerialNumber());
        if (now == null && !mayGo(entry, made)) {
          lacking.add(SerialNumber.of(entry.getSerialNumber()));
        }
        if (now != null && !said(now).equals(said(entry)) && !isHeld(entry)) {
          throw new CommandFailed(
              "the root's CRL revokes %s at %s, and the published one at %s: what was said once stays"
                  .formatted(SerialNumber.of(entry.getSerialNumber()), said(now), said(entry)));
        }
      }
    }
    if (!lacking.isEmpty()) {
      throw new CommandFailed(
          "the root's CRL lacks %d certificates that are revoked: %s; a ceremony whose plan revokes"
                  .formatted(
                      lacking.size(),
                      lacking.stream()
                          .map(SerialNumber::toString)
                          .collect(Collectors.joining(", ")))
              + " them too is needed");
    }
  }

  /**
   * What is not a reason is not taken for one, in the list that comes or in the one that is there.
   */
  private static void requireReasons(X509CRLHolder list) throws CommandFailed {
    for (X509CRLEntryHolder entry : entries(list)) {
      try {
        RevocationReason _ = reason(entry);
      } catch (IllegalArgumentException e) {
        throw new CommandFailed(
            "a CRL of the root has for %s %s"
                .formatted(SerialNumber.of(entry.getSerialNumber()), e.getMessage()));
      }
    }
  }

  /** A whole list revokes, each certificate once; it releases nothing, and holds nothing. */
  private static void requireFinal(X509CRLHolder list) throws CommandFailed {
    Set<BigInteger> serials = new HashSet<>();
    for (X509CRLEntryHolder entry : entries(list)) {
      SerialNumber serial = SerialNumber.of(entry.getSerialNumber());
      if (!serials.add(entry.getSerialNumber())) {
        throw new CommandFailed("the root's CRL has two entries for " + serial);
      }
      RevocationReason reason = reason(entry);
      if (reason == RevocationReason.REMOVE_FROM_CRL || isHeld(entry)) {
        throw new CommandFailed(
            "the root's CRL has %s for %s, which does not revoke for good"
                .formatted(reason, serial));
      }
    }
  }

  /**
   * What the ledger says of a certificate it has told others, in OCSP answers. Not so of one that
   * was given up: nobody has it, and whoever came first has revoked it, at a time of his own; nor
   * of what the published list has revoked, which has told more of them.
   */
  private void requireAsKnown(X509CRLHolder list) throws CommandFailed {
    Optional<X509CRLHolder> published = publishedList();
    for (X509CRLEntryHolder entry : entries(list)) {
      if (published
          .map(known -> known.getRevokedCertificate(entry.getSerialNumber()))
          .filter(known -> !isHeld(known))
          .isPresent()) {
        continue;
      }
      SerialNumber serial = SerialNumber.of(entry.getSerialNumber());
      Optional<Revocation> known =
          ledgers
              .issuance()
              .find(root, serial)
              .filter(record -> record.certificate().isPresent())
              .flatMap(CertificateRecord::revocation)
              .filter(revocation -> !isAsKnown(entry, revocation));
      if (known.isPresent()) {
        throw new CommandFailed(
            "the root's CRL revokes %s at %s, and the database at %s: %s"
                .formatted(
                    serial,
                    said(entry),
                    said(known.get().at(), known.get().reason()),
                    isHold(known.get())
                        ? "it counts from when the hold began"
                        : "what was said once stays"));
      }
    }
  }

  /** A hold ends with another reason, and counts from when it began (docs/revocation.md). */
  private static boolean isAsKnown(X509CRLEntryHolder entry, Revocation known) {
    RevocationReason reason = isHold(known) ? reason(entry) : known.reason();
    return said(known.at(), reason).equals(said(entry));
  }

  private static boolean isHold(Revocation revocation) {
    return revocation.reason() == RevocationReason.CERTIFICATE_HOLD;
  }

  private static String said(X509CRLEntryHolder entry) {
    return said(entry.getRevocationDate().toInstant(), reason(entry));
  }

  /** To the second, as lists have it. */
  private static String said(Instant at, RevocationReason reason) {
    return "%s, %s".formatted(at.truncatedTo(ChronoUnit.SECONDS), reason);
  }

  private static boolean isHeld(X509CRLEntryHolder entry) {
    return reason(entry) == RevocationReason.CERTIFICATE_HOLD;
  }

  /** What has ended need not stand there any more, nor what was taken from its hold. */
  private boolean mayGo(X509CRLEntryHolder entry, Instant made) {
    Optional<CertificateRecord> known =
        ledgers.issuance().find(root, SerialNumber.of(entry.getSerialNumber()));
    return known
        .filter(record ->
            record.notAfter().isBefore(made)
                || (record.state() == CertificateRecord.State.ISSUED && isHeld(entry)))
        .isPresent();
  }

  /**
   * Has the ledger know as revoked what a list revokes and the ledger knows at all, before the list
   * is published.
   *
   * @throws CommandFailed when the ledger says something else after that: someone has revoked, or
   *     held, one of them meanwhile. Then the number of the list counts as used.
   */
  void revoke(X509CRLHolder list, BigInteger number, String by) throws CommandFailed {
    revoke(list, by);
    try {
      requireAsKnown(list);
    } catch (CommandFailed e) {
      throw refused(number, e);
    }
  }

  /**
   * Publishes the list of a ceremony.
   *
   * @param over the number of the list that was published when this one was held against it
   * @throws CommandFailed when that is not the published one any more
   */
  void publish(Outcome outcome, Optional<BigInteger> over) throws CommandFailed {
    try {
      if (!ledgers.crls().takeIn(outcome.preparedCrl(root), outcome.crlSignature(), over)) {
        throw new CommandFailed(
            "another CRL of the root was published at the same time: import this one again");
      }
    } catch (IOException e) {
      throw new UncheckedIOException("octets in memory cannot be read", e);
    }
    // Another import may have taken in what this list revokes, before it was published.
    revokePublished();
  }

  /** Those that the ledger does not know. */
  List<SerialNumber> unknown(List<SerialNumber> serials) {
    return serials.stream()
        .filter(serial -> ledgers.issuance().find(root, serial).isEmpty())
        .toList();
  }

  /**
   * Has the ledger know as revoked what the published list revokes: a certificate may come into the
   * ledger after the list that revokes it.
   */
  void revokePublished() throws CommandFailed {
    Optional<X509CRLHolder> list = publishedList();
    if (list.isPresent()) {
      revoke(list.get(), "a CRL of the root");
    }
  }

  private void revoke(X509CRLHolder list, String by) {
    for (X509CRLEntryHolder entry : entries(list)) {
      RevocationReason reason = reason(entry);
      // What one from the ledger itself held may be released since.
      if (isHeld(entry) || reason == RevocationReason.REMOVE_FROM_CRL) {
        continue;
      }
      RevocationLedger.Outcome _ =
          ledgers
              .revocations()
              .revoke(
                  new Revocation(
                      root,
                      SerialNumber.of(entry.getSerialNumber()),
                      reason,
                      entry.getRevocationDate().toInstant(),
                      Optional.empty(),
                      by));
    }
  }

  private static List<X509CRLEntryHolder> entries(X509CRLHolder list) {
    List<X509CRLEntryHolder> entries = new ArrayList<>();
    // Bouncy Castle gives a collection without a type.
    for (Object entry : list.getRevokedCertificates()) {
      entries.add((X509CRLEntryHolder) entry);
    }
    return entries;
  }

  private static RevocationReason reason(X509CRLEntryHolder entry) {
    return RevocationReason.in(entry.getExtension(Extension.reasonCode));
  }
}
