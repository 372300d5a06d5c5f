package dev.chancery.server.ceremony;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.TokenName;
import dev.chancery.server.engine.Issuer;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.NameConstraints;

/**
 * What a ceremony will make, written and reviewed beforehand (docs/ceremony.md): everything that a
 * certificate or CRL will say stands here, and nothing else is signed.
 *
 * @param from the ceremony cannot begin before
 * @param until nor go on after
 * @param offline whether a machine with a network interface that is up is refused
 */
record CeremonyPlan(
    String name,
    Instant from,
    Instant until,
    boolean offline,
    Witnesses witnesses,
    TokenPart token,
    Root root,
    Issuer.Urls urls,
    List<Intermediate> intermediates,
    List<CrossCertificate> crossCertificates,
    Optional<OcspSigner> ocspSigner,
    Optional<RootCrl> crl) {
  /** The file of a plan in the directory that is carried to the machine. */
  static final String FILE = "plan.yaml";

  /** The name of the root as an item of the plan, and of its files. */
  static final String ROOT = "root";

  /** The name of the root's CRL as an item of the plan. */
  static final String CRL = "crl";

  CeremonyPlan {
    intermediates = List.copyOf(intermediates);
    crossCertificates = List.copyOf(crossCertificates);
  }

  /**
   * The token of the root's key.
   *
   * @param initialize whether the ceremony initializes it; else it is there, with its serial number
   * @param marked whether it is to bear the mark of the ceremony; not one that keeps no data
   *     objects
   */
  record TokenPart(String label, Optional<String> serial, boolean initialize, boolean marked) {
    TokenName name() {
      return new TokenName(Optional.of(label), serial);
    }
  }

  /**
   * A file beside the plan. Its digest stands in the plan, so that who signs the plan signs it too.
   *
   * @param sha256 in hexadecimal digits
   */
  record Input(String file, String sha256) {
    /** Its octets; others are refused. */
    byte[] read(Source files) throws CeremonyRefused {
      byte[] octets = files.read(file);
      String digest = Digests.sha256(octets);
      if (!digest.equals(sha256)) {
        throw new CeremonyRefused(
            "%s: has SHA-256 %s, and the plan says %s".formatted(file, digest, sha256));
      }
      return octets;
    }
  }

  /** The root, and the CKA_ID of its key. */
  sealed interface Root {
    KeyId keyId();
  }

  /** A root that the ceremony makes, with a key of its own. */
  record NewRoot(
      KeyId keyId,
      KeyAlgorithm algorithm,
      X500Name subject,
      Instant notAfter,
      OptionalInt pathLength,
      Optional<NameConstraints> nameConstraints)
      implements Root {}

  /**
   * A root of an earlier ceremony.
   *
   * @param input its certificate
   */
  record EarlierRoot(KeyId keyId, Input input) implements Root {
    String file() {
      return input.file();
    }
  }

  /** Something that the root certifies, by its name in the plan. */
  sealed interface Item {
    String name();

    /** The file that the key comes in. */
    Input input();

    default String file() {
      return input().file();
    }

    Instant notAfter();
  }

  /**
   * A CA below the root.
   *
   * @param input its certification request
   * @param algorithm the kind of key that it must have
   */
  record Intermediate(
      String name,
      Input input,
      X500Name subject,
      KeyAlgorithm algorithm,
      Instant notAfter,
      OptionalInt pathLength,
      Optional<NameConstraints> nameConstraints)
      implements Item {}

  /**
   * Another root, certified by this one.
   *
   * @param input its certificate, of which name and key are taken
   */
  record CrossCertificate(String name, Input input, Instant notAfter, OptionalInt pathLength)
      implements Item {}

  /**
   * A delegated OCSP signer for the certificates of the root (RFC 6960 section 4.2.2.2).
   *
   * @param input its certification request
   */
  record OcspSigner(
      String name, Input input, X500Name subject, KeyAlgorithm algorithm, Instant notAfter)
      implements Item {}

  /**
   * The CRL of the root.
   *
   * @param validity from the ceremony on
   */
  record RootCrl(BigInteger number, Duration validity, List<Revoked> revoked) {
    RootCrl {
      revoked = List.copyOf(revoked);
    }
  }

  /** A certificate of the root that its CRL revokes. */
  record Revoked(SerialNumber serial, Instant at, RevocationReason reason) {}

  /** Everything that the root certifies, in the order of the ceremony. */
  List<Item> items() {
    return Stream.of(intermediates.stream(), crossCertificates.stream(), ocspSigner.stream())
        .flatMap(items -> items.map(Item.class::cast))
        .toList();
  }

  /** The names of all that a rehearsal makes. */
  List<String> all() {
    Stream<String> list = crl.isPresent() ? Stream.of(CRL) : Stream.empty();
    return Stream.of(Stream.of(ROOT), items().stream().map(Item::name), list)
        .flatMap(names -> names)
        .toList();
  }

  /** The names of all that a real ceremony makes, in its order. */
  List<String> planned() {
    return root instanceof NewRoot ? all() : all().subList(1, all().size());
  }

  /** The files beside the plan that the ceremony reads. */
  List<Input> inputs() {
    Stream<Input> earlier =
        root instanceof EarlierRoot known ? Stream.of(known.input()) : Stream.empty();
    return Stream.concat(earlier, items().stream().map(Item::input)).distinct().toList();
  }

  /** The digests of those files, by their names. */
  SortedMap<String, String> digests() {
    SortedMap<String, String> digests = new TreeMap<>();
    inputs().forEach(input -> digests.put(input.file(), input.sha256()));
    return digests;
  }
}
