package dev.chancery.crl;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.SoftwareToken;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * What CRLs cost with very many revoked certificates in PostgreSQL: scripts/bench.sh revocation
 * crl, and docs/performance.md. The rebuilding is done by another JVM with a small heap.
 */
final class CrlBenchmark {
  private static final IssuerId ISSUER = new IssuerId("issuing");
  private static final KeyId KEY = new KeyId("01");
  private static final CrlSettings SETTINGS =
      new CrlSettings(Duration.ofDays(7), Duration.ofDays(1));
  private static final int REVOKE_CALLS = 300;
  private static final int ROWS_AT_ONCE = 50_000;

  private CrlBenchmark() {}

  /**
   * Arguments: how many revoked certificates, how many shards, the heap of the other JVM in MiB.
   */
  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("rebuild")) {
      rebuild(
          new TestDatabase(arguments[1], arguments[2], TestDatabase.PASSWORD),
          Integer.parseInt(arguments[3]),
          Double.parseDouble(arguments[4]),
          Double.parseDouble(arguments[5]));
      return;
    }
    int revoked = Integer.parseInt(arguments[0]);
    int shards = Integer.parseInt(arguments[1]);
    TestDatabase where = DatabaseKind.POSTGRESQL.create(Path.of("."));
    double before;
    double after;
    try (Database database = open(where)) {
      // The first calls compile the code.
      before = revokeCalls(database, shards, 1);
      before = revokeCalls(database, shards, 2);
      populate(database, revoked, shards);
      after = revokeCalls(database, shards, 3);
    }
    double bouncyCastle = Math.min(bouncyCastle(revoked), bouncyCastle(revoked));
    System.out.printf(
        "%s, %d cores, Java %s, load %.1f%n",
        processor(),
        Runtime.getRuntime().availableProcessors(),
        Runtime.version(),
        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    System.out.printf("%d revoked certificates in %d shards%n", revoked, shards);
    System.out.printf("Bouncy Castle, one list from memory    %8.2f s%n", bouncyCastle);
    System.out.printf(
        "a revoke call, median                  %8.3f ms with none, %.3f ms with all (%.2f)%n",
        before, after, after / before);
    System.out.flush();
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + arguments[2] + "m",
                "-cp",
                System.getProperty("java.class.path"),
                CrlBenchmark.class.getName(),
                "rebuild",
                where.url(),
                where.user(),
                Integer.toString(shards),
                Double.toString(bouncyCastle),
                Double.toString(after / before))
            .inheritIO()
            .start();
    int ended = child.waitFor();
    System.out.printf("with a heap of %s MiB: %s%n", arguments[2], ended == 0 ? "done" : "failed");
    System.exit(ended);
  }

  private static String processor() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 2))
          .findFirst()
          .orElse("a processor without a name");
    }
  }

  private static Database open(TestDatabase where) throws Exception {
    return Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
  }

  /** Rows as issuing and revoking would have left them, but for the bytes of the certificates. */
  private static void populate(Database database, int revoked, int shards) {
    String serial =
        "decode(lpad(to_hex(1780000000000 + i), 12, '0') || substr(md5(i::text), 1, 20), 'hex')";
    String shard = shards == 0 ? "0" : "1 + i %% %d".formatted(shards);
    // In pieces: a statement that takes half a minute is taken for lost.
    for (int first = 1; first <= revoked; first += ROWS_AT_ONCE) {
      int last = Math.min(revoked, first + ROWS_AT_ONCE - 1);
      database
          .sql()
          .execute(
              """
              insert into certificates (issuer, serial, state, profile, request_id,
                public_key_sha256, not_before, not_after, recorded_at, completed_at, tbs,
                signature_scheme, signature, crl_shard)
              select 'issuing', %s, 'revoked', 'tls-server', gen_random_uuid(),
                decode(md5(i::text), 'hex'), now() - interval '1 day', now() + interval '89 days',
                now() - interval '1 day', now() - interval '1 day', '\\x30', 'ECDSA_SHA256',
                '\\x30', %s
              from generate_series(%d, %d) i
              """
                  .formatted(serial, shard, first, last));
      database
          .sql()
          .execute(
              """
              insert into revocations (issuer, serial, revoked_at, reason, not_after,
                requested_by, recorded_at, crl_shard)
              select 'issuing', %s, date_trunc('second', now() - interval '1 hour'), 4,
                now() + interval '89 days', 'benchmark', now() - interval '1 hour', %s
              from generate_series(%d, %d) i
              """
                  .formatted(serial, shard, first, last));
    }
    // What autovacuum and a checkpoint do in time; in the plain connection of a data source.
    for (String table : List.of("certificates", "revocations")) {
      database.sql().execute("vacuum analyze " + table);
    }
    database.sql().execute("checkpoint");
  }

  /** The median of single calls, in milliseconds; each on a certificate made for it. */
  private static double revokeCalls(Database database, int shards, int round) throws Exception {
    SoftwareToken token = new SoftwareToken();
    new IssuerRegistry(database)
        .register(ISSUER, round == 1 ? token.generate(KEY, KeyAlgorithm.EC_P256) : known(database));
    JooqRevocationLedger revocations = new JooqRevocationLedger(database, Clock.systemUTC());
    SecureRandom random = new SecureRandom();
    List<SerialNumber> serials = new ArrayList<>();
    for (int i = 0; i < REVOKE_CALLS; i++) {
      SerialNumber serial = SerialNumber.next(Instant.now(), random);
      serials.add(serial);
      database
          .sql()
          .execute(
              """
              insert into certificates (issuer, serial, state, profile, request_id,
                public_key_sha256, not_before, not_after, recorded_at, completed_at, tbs,
                signature_scheme, signature, crl_shard)
              values ('issuing', ?, 'issued', 'single', gen_random_uuid(), '\\x00', now(),
                now() + interval '89 days', now(), now(), '\\x30', 'ECDSA_SHA256', '\\x30', ?)
              """,
              serial.octets(),
              shards == 0 ? 0 : 1 + i % shards);
    }
    List<Double> millis = new ArrayList<>();
    for (SerialNumber serial : serials) {
      long begin = System.nanoTime();
      revocations.revoke(
          new Revocation(
              ISSUER,
              serial,
              RevocationReason.SUPERSEDED,
              Instant.now().truncatedTo(ChronoUnit.SECONDS),
              Optional.empty(),
              "benchmark"));
      millis.add((System.nanoTime() - begin) / 1e6);
    }
    Collections.sort(millis);
    return millis.get(millis.size() / 2);
  }

  private static SubjectPublicKey known(Database database) throws Exception {
    byte[] encoded = database.sql().fetchOne("select public_key from issuers").get(0, byte[].class);
    return SubjectPublicKey.of(SubjectPublicKeyInfo.getInstance(encoded));
  }

  /** In seconds: the entries are made before, the building and signing counts. */
  private static double bouncyCastle(int revoked) throws Exception {
    KeyPair keys = keys();
    ContentSigner signer = signer(keys);
    long begin = System.nanoTime();
    Date now = Date.from(Instant.now());
    X509v2CRLBuilder builder = new X509v2CRLBuilder(new X500Name("CN=Issuing CA"), now);
    builder.setNextUpdate(Date.from(Instant.now().plus(Duration.ofDays(7))));
    BigInteger serial = BigInteger.ONE.shiftLeft(120);
    for (int i = 0; i < revoked; i++) {
      builder.addCRLEntry(serial.add(BigInteger.valueOf(i)), now, CRLReason.superseded);
    }
    builder.build(signer).getEncoded();
    return (System.nanoTime() - begin) / 1e9;
  }

  private static KeyPair keys() throws Exception {
    return KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER).generateKeyPair();
  }

  private static ContentSigner signer(KeyPair keys) throws Exception {
    return new JcaContentSignerBuilder("SHA256withECDSA")
        .setProvider(BouncyCastle.PROVIDER)
        .build(keys.getPrivate());
  }

  private static void rebuild(
      TestDatabase where, int shards, double bouncyCastle, double revokeRatio) throws Exception {
    SoftwareToken token = new SoftwareToken();
    SubjectPublicKey key = token.generate(KEY, KeyAlgorithm.EC_P256);
    KeyPair pair = token.keyPair(KEY);
    X500Name name = new X500Name("CN=Issuing CA");
    X509CertificateHolder certificate =
        new X509v3CertificateBuilder(
                name,
                BigInteger.ONE,
                Date.from(Instant.now()),
                Date.from(Instant.now().plus(Duration.ofDays(365))),
                name,
                SubjectPublicKeyInfo.getInstance(pair.getPublic().getEncoded()))
            .build(signer(pair));
    CrlIssuer issuer =
        new CrlIssuer(
            ISSUER, certificate, token.crlKey(KEY, key, SigningScheme.ECDSA_SHA256), SETTINGS);
    Path folder = Files.createTempDirectory("crl-benchmark");
    try (Database database = open(where)) {
      JooqCrlLedger ledger = new JooqCrlLedger(database, Clock.systemUTC());
      JooqRevocationLedger revocations = new JooqRevocationLedger(database, Clock.systemUTC());
      CrlShelf shelf = new CrlShelf(ledger, Clock.systemUTC(), folder);
      for (int shard = 0; shard <= shards; shard++) {
        CrlScope scope = new CrlScope(ISSUER, shard);
        ledger.addLocation(
            scope, URI.create("http://pki.example/crl/" + CrlName.complete(scope).path()));
      }
      Semaphore made = new Semaphore(0);
      try (CrlPublisher publisher =
          new CrlPublisher(
              List.of(issuer),
              ledger,
              revocations,
              shelf,
              Clock.systemUTC(),
              published -> made.release())) {
        double all = Double.MAX_VALUE;
        for (int round = 1; round <= 3; round++) {
          long begin = System.nanoTime();
          publisher.requestPublish(ISSUER);
          made.acquire(shards + 1);
          double took = (System.nanoTime() - begin) / 1e9;
          System.out.printf("all shards, round %d                    %8.2f s%n", round, took);
          all = Math.min(all, took);
        }
        long begin = System.nanoTime();
        publisher.publish(new CrlScope(ISSUER, Math.min(1, shards)));
        double one = (System.nanoTime() - begin) / 1e9;
        System.out.printf("one shard                              %8.2f s%n", one);
        boolean rebuild = row("all shards, of Bouncy Castle's time", all / bouncyCastle, 0.5);
        boolean shard = row("one shard, of all shards", one / all, 0.1);
        boolean revoke = row("a revoke call with all, of one with none", revokeRatio, 1.2);
        boolean kept = rebuild && shard && revoke;
        System.out.println(kept ? "within the limits" : "not within the limits");
      }
    } finally {
      delete(folder);
    }
  }

  private static boolean row(String what, double ratio, double limit) {
    System.out.printf("| %-42s | %6.3f | limit %4.1f |%n", what, ratio, limit);
    return ratio <= limit;
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }
}
