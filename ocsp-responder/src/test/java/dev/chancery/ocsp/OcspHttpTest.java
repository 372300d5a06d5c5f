package dev.chancery.ocsp;

import static dev.chancery.ocsp.OcspFixture.SHA1;
import static dev.chancery.ocsp.OcspFixture.SHA256;
import static dev.chancery.ocsp.OcspFixture.SHA384;
import static dev.chancery.ocsp.OcspFixture.SHA512;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationReason;
import java.math.BigInteger;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.ocsp.CertID;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.cert.ocsp.UnknownStatus;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** OCSP over a socket, as clients meet it. */
final class OcspHttpTest {
  private static final BigInteger SERIAL = new BigInteger("0123456789abcdef0123456789abcdef", 16);

  private OcspFixture ocsp;

  @BeforeEach
  void start() throws Exception {
    ocsp = new OcspFixture();
    ocsp.set(SERIAL, new CertificateStatus.Good());
  }

  @AfterEach
  void stop() {
    ocsp.close();
  }

  private SingleResp only(HttpResponse<byte[]> response) throws Exception {
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("Content-Type")).hasValue("application/ocsp-response");
    BasicOCSPResp answer = ocsp.verified(response.body());
    assertThat(answer.getResponses()).hasSize(1);
    return answer.getResponses()[0];
  }

  private void assertError(HttpResponse<byte[]> response, int status) throws Exception {
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("Content-Type")).hasValue("application/ocsp-response");
    assertThat(response.headers().firstValue("Cache-Control")).hasValue("no-store");
    assertThat(response.body()).hasSize(5);
    assertThat(new OCSPResp(response.body()).getStatus()).isEqualTo(status);
  }

  @Test
  @DisplayName("RFC 6960 2.2: good; thisUpdate <= now < nextUpdate, in whole seconds")
  void good() throws Exception {
    SingleResp answer = only(ocsp.post(ocsp.request(SERIAL)));

    assertThat(answer.getCertStatus()).isNull();
    assertThat(answer.getCertID().getSerialNumber()).isEqualTo(SERIAL);
    Instant now = ocsp.clock.instant();
    assertThat(answer.getThisUpdate().toInstant()).isEqualTo(now.truncatedTo(ChronoUnit.SECONDS));
    assertThat(answer.getNextUpdate().toInstant())
        .isEqualTo(now.truncatedTo(ChronoUnit.SECONDS).plus(Duration.ofHours(4)));
  }

  @Test
  @DisplayName("RFC 6960 4.2.1: revoked with time and reason; unspecified is left out")
  void revoked() throws Exception {
    Instant at = Instant.parse("2026-01-02T03:04:05Z");
    ocsp.set(
        SERIAL,
        new CertificateStatus.Revoked(at, RevocationReason.KEY_COMPROMISE, Optional.empty()));
    BigInteger other = SERIAL.add(BigInteger.ONE);
    ocsp.set(
        other, new CertificateStatus.Revoked(at, RevocationReason.UNSPECIFIED, Optional.empty()));

    RevokedStatus status = (RevokedStatus) only(ocsp.post(ocsp.request(SERIAL))).getCertStatus();
    assertThat(status.getRevocationTime().toInstant()).isEqualTo(at);
    assertThat(status.getRevocationReason()).isEqualTo(1);
    RevokedStatus bare = (RevokedStatus) only(ocsp.post(ocsp.request(other))).getCertStatus();
    assertThat(bare.hasRevocationReason()).isFalse();
  }

  @Test
  @DisplayName("RFC 6960 2.2: a serial never issued, or one that no certificate has, is unknown")
  void unknown() throws Exception {
    BigInteger tooLong = BigInteger.ONE.shiftLeft(160);
    for (BigInteger serial :
        new BigInteger[] {BigInteger.TEN, BigInteger.ZERO, BigInteger.ONE.negate(), tooLong}) {
      HttpResponse<byte[]> response = ocsp.post(ocsp.request(serial));
      assertThat(only(response).getCertStatus()).isInstanceOf(UnknownStatus.class);
      // It can be issued in the next moment, so nobody may keep this answer.
      assertThat(response.headers().firstValue("Cache-Control")).hasValue("no-store");
    }
  }

  @Test
  @DisplayName("RFC 6960 4.1.1: CertIDs by SHA-1, SHA-256, SHA-384 and SHA-512")
  void hashes() throws Exception {
    for (ASN1ObjectIdentifier hash : new ASN1ObjectIdentifier[] {SHA1, SHA256, SHA384, SHA512}) {
      CertID id = ocsp.id(hash, SERIAL);
      SingleResp answer = only(ocsp.post(OcspFixture.request(null, id)));
      assertThat(answer.getCertStatus()).isNull();
      assertThat(answer.getCertID().toASN1Primitive()).isEqualTo(id);
    }
  }

  @Test
  @DisplayName("RFC 6960 2.1: several CertIDs in one request, up to a limit")
  void several() throws Exception {
    ocsp.set(
        BigInteger.TWO,
        new CertificateStatus.Revoked(
            Instant.EPOCH, RevocationReason.SUPERSEDED, Optional.empty()));
    BasicOCSPResp answer =
        ocsp.verified(
            ocsp.post(
                    OcspFixture.request(
                        null,
                        ocsp.id(SHA1, SERIAL),
                        ocsp.id(SHA256, BigInteger.TWO),
                        ocsp.id(SHA1, BigInteger.TEN)))
                .body());
    assertThat(answer.getResponses()).hasSize(3);
    assertThat(answer.getResponses()[0].getCertStatus()).isNull();
    assertThat(answer.getResponses()[1].getCertStatus()).isInstanceOf(RevokedStatus.class);
    assertThat(answer.getResponses()[2].getCertStatus()).isInstanceOf(UnknownStatus.class);

    CertID[] most = new CertID[20];
    Arrays.fill(most, ocsp.id(SHA512, SERIAL));
    assertThat(ocsp.verified(ocsp.post(OcspFixture.request(null, most)).body()).getResponses())
        .hasSize(20);
    CertID[] tooMany = Arrays.copyOf(most, 21);
    tooMany[20] = most[0];
    assertError(ocsp.post(OcspFixture.request(null, tooMany)), OCSPResp.MALFORMED_REQUEST);
    assertError(ocsp.post(OcspFixture.request(null, new CertID[0])), OCSPResp.MALFORMED_REQUEST);
  }

  @Test
  @DisplayName("RFC 5019 2.2.3: an issuer that is not served is unauthorized")
  void unknownIssuer() throws Exception {
    TestAuthority stranger = new TestAuthority("Issuing CA", ocsp.clock);
    CertID strange = OcspFixture.id(stranger.certificate(), SHA1, SERIAL);
    assertError(ocsp.post(OcspFixture.request(null, strange)), OCSPResp.UNAUTHORIZED);
    assertError(
        ocsp.post(OcspFixture.request(null, ocsp.id(SHA1, SERIAL), strange)),
        OCSPResp.UNAUTHORIZED);
    ASN1ObjectIdentifier sha224 = new ASN1ObjectIdentifier("2.16.840.1.101.3.4.2.4");
    assertError(
        ocsp.post(OcspFixture.request(null, ocsp.id(sha224, SERIAL))), OCSPResp.UNAUTHORIZED);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 16, 32, 128})
  @DisplayName("RFC 9654 2.1: a nonce of 1 to 128 octets is echoed, and the answer is not kept")
  void nonce(int length) throws Exception {
    byte[] nonce = new byte[length];
    Arrays.fill(nonce, (byte) 7);
    HttpResponse<byte[]> response =
        ocsp.post(OcspFixture.request(OcspFixture.nonce(nonce), ocsp.id(SHA1, SERIAL)));
    Extension echoed =
        ocsp.verified(response.body()).getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce);
    assertThat(ASN1OctetString.getInstance(echoed.getParsedValue()).getOctets()).isEqualTo(nonce);
    assertThat(response.headers().firstValue("Cache-Control")).hasValue("no-store");
    assertThat(response.headers().firstValue("ETag")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 129, 1000})
  @DisplayName("RFC 9654 2.1: an empty nonce or one of more than 128 octets is malformed")
  void badNonce(int length) throws Exception {
    assertError(
        ocsp.post(OcspFixture.request(OcspFixture.nonce(new byte[length]), ocsp.id(SHA1, SERIAL))),
        OCSPResp.MALFORMED_REQUEST);
  }

  @Test
  @DisplayName("RFC 9654 2.1: with nonces switched off the answer comes without one, and is shared")
  void nonceIgnored() throws Exception {
    OcspSettings settings =
        new OcspSettings(Duration.ofHours(4), Duration.ofHours(1), 9_000, false, 4);
    try (OcspFixture silent = new OcspFixture(settings)) {
      silent.set(SERIAL, new CertificateStatus.Good());
      byte[] request =
          OcspFixture.request(OcspFixture.nonce(new byte[32]), silent.id(SHA1, SERIAL));
      byte[] first = silent.post(request).body();
      assertThat(silent.verified(first).hasExtensions()).isFalse();
      assertThat(silent.post(request).body()).isEqualTo(first);
    }
  }

  @Test
  @DisplayName("RFC 6960 4.4: unknown extensions end the request when critical, else do not matter")
  void extensions() throws Exception {
    ASN1ObjectIdentifier unknown = new ASN1ObjectIdentifier("1.3.6.1.4.1.99999.1");
    byte[] value = DERNull.INSTANCE.getEncoded();
    Extensions critical = new Extensions(new Extension(unknown, true, value));
    Extensions harmless = new Extensions(new Extension(unknown, false, value));
    CertID id = ocsp.id(SHA1, SERIAL);
    assertError(ocsp.post(OcspFixture.request(critical, id)), OCSPResp.MALFORMED_REQUEST);
    assertThat(only(ocsp.post(OcspFixture.request(harmless, id))).getCertStatus()).isNull();
  }

  @Test
  @DisplayName("RFC 6960 2.3: what is no request is malformed, whatever it is")
  void garbage() throws Exception {
    byte[] request = ocsp.request(SERIAL);
    byte[] nested = new byte[16 * 1024];
    for (int i = 0; i < nested.length; i += 2) {
      nested[i] = 0x30;
      nested[i + 1] = (byte) 0x80;
    }
    for (byte[] bad :
        new byte[][] {
          {},
          {0x30, 0},
          {0x28, 2, 0x42, 0},
          Arrays.copyOf(request, request.length + 1),
          Arrays.copyOf(request, request.length - 1),
          Arrays.copyOf(request, 16 * 1024 + 1),
          // No more than the sockets hold: the answer may come before all is read.
          new byte[200_000],
          nested,
          "hello".getBytes(StandardCharsets.UTF_8)
        }) {
      assertError(ocsp.post(bad), OCSPResp.MALFORMED_REQUEST);
    }
    assertError(ocsp.get("x"), OCSPResp.MALFORMED_REQUEST);
    for (String bad : new String[] {"x", "%2", "%zz", "AAAA%00", "====", "MAA=/..", "M%20A"}) {
      RawHttp.Reply raw = RawHttp.get(ocsp.url(), "/ocsp/" + bad);
      assertThat(raw.status()).as(bad).isIn(200, 400);
      assertThat(raw.text()).as(bad).doesNotContain("Exception").doesNotContain("\tat ");
    }
  }

  @Test
  @DisplayName("RFC 6960 A.1: a POST of another content type is 415")
  void contentType() throws Exception {
    HttpResponse<String> response =
        ocsp.http.send(
            HttpRequest.newBuilder(URI.create(ocsp.url()))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(ocsp.request(SERIAL)))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(response.statusCode()).isEqualTo(415);
    assertThat(response.body()).isEqualTo("expected application/ocsp-request\n");
  }

  @Test
  @DisplayName("RFC 6960 A.1: GET with base64 in the path; + / = escaped or not, slashes in a row")
  void get() throws Exception {
    String base64 = requestWithEveryCharacter();
    String escaped = URLEncoder.encode(base64, StandardCharsets.US_ASCII);
    assertThat(escaped).contains("%2B").contains("%2F%2F");
    String lowerCase = escaped.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d");
    String withoutPadding = base64.replace("=", "");
    for (String path :
        new String[] {
          base64,
          escaped,
          lowerCase,
          withoutPadding,
          base64.replace("+", "%2B"),
          base64.replace("/", "%2F"),
          base64.replace("=", "%3D")
        }) {
      RawHttp.Reply reply = RawHttp.get(ocsp.url(), "/ocsp/" + path);
      assertThat(reply.status()).as(path).isEqualTo(200);
      assertThat(ocsp.verified(reply.body()).getResponses()[0].getCertStatus()).isNull();
    }
  }

  /** The base64 of a request that has +, //, and = in it. */
  private String requestWithEveryCharacter() throws Exception {
    for (int i = 1; i < 100_000; i++) {
      BigInteger serial = SERIAL.multiply(BigInteger.valueOf(i)).mod(BigInteger.TWO.pow(120));
      byte[] request = ocsp.request(serial);
      String base64 = Base64.getEncoder().encodeToString(request);
      if (base64.contains("+") && base64.contains("//") && base64.endsWith("=")) {
        ocsp.set(serial, new CertificateStatus.Good());
        return base64;
      }
    }
    throw new AssertionError("no such request");
  }

  @Test
  @DisplayName(
      "RFC 5019 6.2: Cache-Control, ETag, Expires, Last-Modified agree with the answer; 304")
  void caching() throws Exception {
    String path = Base64.getEncoder().encodeToString(ocsp.request(SERIAL)).replace("/", "%2F");
    HttpResponse<byte[]> first = ocsp.get(path);
    SingleResp answer = only(first);
    assertThat(first.headers().firstValue("Cache-Control"))
        .hasValue("max-age=14399, public, no-transform, must-revalidate");
    assertThat(date(first, "Expires")).isEqualTo(answer.getNextUpdate().toInstant());
    assertThat(date(first, "Last-Modified")).isEqualTo(answer.getThisUpdate().toInstant());

    String tag = first.headers().firstValue("ETag").orElseThrow();
    for (String condition : new String[] {tag, "W/" + tag, "\"x\", " + tag, "*"}) {
      HttpResponse<byte[]> same = ocsp.get(path, "If-None-Match", condition);
      assertThat(same.statusCode()).as(condition).isEqualTo(304);
      assertThat(same.body()).isEmpty();
      assertThat(same.headers().firstValue("ETag")).hasValue(tag);
    }
    assertThat(ocsp.get(path, "If-None-Match", "\"x\"").body()).isEqualTo(first.body());

    ocsp.clock.advance(Duration.ofMinutes(30));
    HttpResponse<byte[]> later = ocsp.get(path);
    assertThat(later.body()).isEqualTo(first.body());
    assertThat(later.headers().firstValue("Cache-Control"))
        .hasValue("max-age=12599, public, no-transform, must-revalidate");
    ocsp.clock.advance(Duration.ofMinutes(31));
    assertThat(ocsp.get(path).body()).isNotEqualTo(first.body());
  }

  private static Instant date(HttpResponse<byte[]> response, String header) {
    return ZonedDateTime.parse(
            response.headers().firstValue(header).orElseThrow(),
            DateTimeFormatter.RFC_1123_DATE_TIME)
        .toInstant();
  }

  @Test
  @DisplayName("RFC 6960 2.3: tryLater while the token is away; cached answers go on to their end")
  void tokenAway() throws Exception {
    byte[] request = ocsp.request(SERIAL);
    byte[] cached = ocsp.post(request).body();
    ocsp.token.setAway(true);
    byte[] withNonce = OcspFixture.request(OcspFixture.nonce(new byte[16]), ocsp.id(SHA1, SERIAL));
    assertError(ocsp.post(withNonce), OCSPResp.TRY_LATER);
    assertError(ocsp.post(ocsp.request(BigInteger.TWO)), OCSPResp.TRY_LATER);
    assertThat(ocsp.post(request).body()).isEqualTo(cached);
    ocsp.clock.advance(Duration.ofMinutes(239));
    assertThat(ocsp.post(request).body()).isEqualTo(cached);
    ocsp.clock.advance(Duration.ofMinutes(1));
    assertError(ocsp.post(request), OCSPResp.TRY_LATER);

    ocsp.token.setAway(false);
    assertThat(only(ocsp.post(request)).getCertStatus()).isNull();
  }

  @Test
  @DisplayName("The cache takes as much memory as it may, for the answers used last")
  void cacheIsBounded() throws Exception {
    // Three answers with all that belongs to them, and not a fourth; a quarter is for statuses.
    long octets = 4L * (ocsp.post(ocsp.request(SERIAL)).body().length + 500);
    OcspSettings settings =
        new OcspSettings(Duration.ofHours(4), Duration.ofHours(1), octets, true, 4);
    try (OcspFixture small = new OcspFixture(settings)) {
      byte[][] answers = new byte[4][];
      for (int i = 0; i < 4; i++) {
        small.set(BigInteger.valueOf(i + 1), new CertificateStatus.Good());
      }
      for (int i : new int[] {0, 1, 2, 0, 3}) {
        answers[i] = small.post(small.request(BigInteger.valueOf(i + 1))).body();
      }
      small.token.setAway(true);
      assertThat(
              IntStream.range(0, 4)
                  .filter(i -> isAnswered(small, BigInteger.valueOf(i + 1), answers[i])))
          .containsExactly(0, 2, 3);
    }
  }

  private static boolean isAnswered(OcspFixture ocsp, BigInteger serial, byte[] answer) {
    try {
      return Arrays.equals(ocsp.post(ocsp.request(serial)).body(), answer);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
