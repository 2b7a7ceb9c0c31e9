package cloudhsm.pipeline.localcloud.secretsmanager;

/**
 * What a secret protects.
 *
 * @param member {@code SecretString} or {@code SecretBinary}
 * @param content the text, or the bytes in Base64
 */
record SecretValue(String member, String content) {
    @Override
    public String toString() {
        return member;
    }
}
