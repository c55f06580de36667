CREATE TABLE zoho_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    access_token TEXT NOT NULL,
    refresh_token TEXT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO zoho_tokens (access_token, refresh_token, expires_at)
VALUES ('@ACCESS_TOKEN@', '@REFRESH_TOKEN@', '2024-01-31T12:00:00');
