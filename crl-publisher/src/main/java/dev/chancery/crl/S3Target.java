package dev.chancery.crl;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.URI;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * A bucket of an object storage that speaks S3. Each CRL is an object that says its number; it is
 * replaced by a conditional write, so that several nodes may have the same bucket, and fetched back
 * after it was written.
 */
public final class S3Target implements CrlTarget, AutoCloseable {
  private static final String NUMBER = "crl-number";
  private static final String CONTENT_TYPE = "application/pkix-crl";
  private static final int NOT_FOUND = 404;
  private static final int CONFLICT = 409;
  private static final int PRECONDITION_FAILED = 412;
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final Duration SILENCE = Duration.ofSeconds(30);
  private static final Duration LONGEST_CALL = Duration.ofMinutes(10);

  /**
   * Where the bucket is.
   *
   * @param endpoint empty for that of AWS in the region
   * @param pathStyle whether the bucket stands in the path and not in the host name
   * @param prefix what stands before the path of each CRL
   */
  public record Place(
      Optional<URI> endpoint, String region, boolean pathStyle, String bucket, String prefix) {}

  /** An access key; no text shows the secret. */
  public record AccessKey(String id, String secret) {
    @Override
    public String toString() {
      return "AccessKey[" + id + "]";
    }
  }

  /**
   * Where the access key is; asked for each use, so that another one is taken without a restart.
   */
  public interface AccessKeySource {
    /** The key as it is now. */
    AccessKey read() throws IOException;
  }

  /** An object that is there. */
  private record Present(String entityTag, Optional<BigInteger> number) {}

  /** An object that was fetched. */
  private record Stored(String entityTag, Optional<BigInteger> number, String sha256) {}

  /** What was fetched last of each object, so that it is not fetched again while it is the same. */
  private final Map<String, Stored> compared = new ConcurrentHashMap<>();

  private final Place place;
  private final Duration freshness;
  private final S3Client client;

  /**
   * Connects to nothing yet.
   *
   * @param freshness for how long caches may keep a CRL
   */
  public S3Target(Place place, AccessKeySource key, Duration freshness) {
    this.place = place;
    this.freshness = freshness;
    S3ClientBuilder builder =
        S3Client.builder()
            .httpClientBuilder(
                UrlConnectionHttpClient.builder().connectionTimeout(CONNECT).socketTimeout(SILENCE))
            .region(Region.of(place.region()))
            .credentialsProvider(() -> credentials(key))
            .serviceConfiguration(
                S3Configuration.builder()
                    .pathStyleAccessEnabled(place.pathStyle())
                    .chunkedEncodingEnabled(false)
                    .build())
            // Not every storage knows checksums of this kind; what was written is fetched back.
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
            .overrideConfiguration(all ->
                // Nothing counts that stands elsewhere than in chancery.yaml.
                all.apiCallTimeout(LONGEST_CALL)
                    .defaultProfileFileSupplier(() -> ProfileFile.aggregator().build()));
    place.endpoint().ifPresent(builder::endpointOverride);
    this.client = builder.build();
  }

  private static AwsCredentials credentials(AccessKeySource source) {
    try {
      AccessKey key = source.read();
      return AwsBasicCredentials.create(key.id(), key.secret());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String name() {
    return "s3://" + place.bucket() + "/" + place.prefix();
  }

  @Override
  public boolean put(CrlShelf.Copy crl) throws IOException {
    String key = place.prefix() + crl.name().path();
    try {
      Optional<Present> present = present(key);
      int order =
          present.flatMap(Present::number).map(there -> there.compareTo(crl.number())).orElse(-1);
      // A number says what someone wanted to write, and not what the storage has made of it.
      if (order > 0 || (order == 0 && isSame(key, present.get(), crl))) {
        return false;
      }
      PutObjectRequest.Builder request =
          PutObjectRequest.builder()
              .bucket(place.bucket())
              .key(key)
              .contentType(CONTENT_TYPE)
              .cacheControl("public, max-age=" + freshness.toSeconds())
              .metadata(Map.of(NUMBER, crl.number().toString()));
      if (present.isPresent()) {
        request.ifMatch(present.get().entityTag());
      } else {
        request.ifNoneMatch("*");
      }
      client.putObject(request.build(), RequestBody.fromFile(crl.file()));
      Stored stored = stored(key);
      boolean newer =
          stored.number().filter(there -> there.compareTo(crl.number()) > 0).isPresent();
      if (!newer && !stored.sha256().equals(crl.sha256())) {
        throw new IOException(key + " does not read back as it was written");
      }
      compared.put(key, stored);
      return true;
    } catch (S3Exception e) {
      if (e.statusCode() == PRECONDITION_FAILED || e.statusCode() == CONFLICT) {
        throw new IOException(key + " was written by someone else at the same time", e);
      }
      throw new IOException(key + ": " + e.getMessage(), e);
    } catch (SdkException e) {
      throw new IOException(key + ": " + e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** Fetches what is there, unless it was compared before and nobody has written it since. */
  private boolean isSame(String key, Present present, CrlShelf.Copy crl) throws IOException {
    Stored last = compared.get(key);
    if (last == null || !last.entityTag().equals(present.entityTag())) {
      last = stored(key);
      compared.put(key, last);
    }
    return last.sha256().equals(crl.sha256());
  }

  private Optional<Present> present(String key) {
    try {
      HeadObjectResponse head =
          client.headObject(request -> request.bucket(place.bucket()).key(key));
      return Optional.of(
          new Present(
              head.eTag(),
              Optional.ofNullable(head.metadata().get(NUMBER)).flatMap(S3Target::number)));
    } catch (S3Exception e) {
      if (e.statusCode() == NOT_FOUND) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private static Optional<BigInteger> number(String text) {
    return text.matches("[0-9]{1,40}") ? Optional.of(new BigInteger(text)) : Optional.empty();
  }

  /** Fetches what is there. */
  private Stored stored(String key) throws IOException {
    MessageDigest sha256 = sha256();
    try (var stored = client.getObject(request -> request.bucket(place.bucket()).key(key));
        InputStream in = new DigestInputStream(stored, sha256)) {
      in.transferTo(OutputStream.nullOutputStream());
      return new Stored(
          stored.response().eTag(),
          Optional.ofNullable(stored.response().metadata().get(NUMBER)).flatMap(S3Target::number),
          HexFormat.of().formatHex(sha256.digest()));
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
