-- A database as it was written at revision 0002: `triplane up --source demo --once`, and one record of each kind that
-- such a run does not make.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE backtest_results (
	id VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	strategy VARCHAR NOT NULL, 
	symbol VARCHAR NOT NULL, 
	timeframe VARCHAR NOT NULL, 
	data TEXT NOT NULL, 
	parameters JSON NOT NULL, 
	metrics JSON NOT NULL, 
	decisions_sha256 VARCHAR NOT NULL, 
	CONSTRAINT pk_backtest_results PRIMARY KEY (id)
);
INSERT INTO "backtest_results" VALUES('b',1,'ema_cross','BTCUSDT','1m','file','{}','{"trades": 3}','ab');
CREATE TABLE candles (
	venue VARCHAR NOT NULL, 
	symbol VARCHAR NOT NULL, 
	timeframe VARCHAR NOT NULL, 
	open_time BIGINT NOT NULL, 
	open DOUBLE NOT NULL, 
	high DOUBLE NOT NULL, 
	low DOUBLE NOT NULL, 
	close DOUBLE NOT NULL, 
	volume DOUBLE NOT NULL, 
	CONSTRAINT pk_candles PRIMARY KEY (venue, symbol, timeframe, open_time)
);
CREATE TABLE decisions (
	session_id VARCHAR NOT NULL, 
	seq BIGINT NOT NULL, 
	time BIGINT NOT NULL, 
	symbol VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	reasons JSON NOT NULL, 
	level VARCHAR NOT NULL, 
	CONSTRAINT pk_decisions PRIMARY KEY (session_id, seq)
);
INSERT INTO "decisions" VALUES('261121-162939-b4ac',1,1735870500000,'BTCUSDT','state','BTCUSDT: looking for entries.','[]','info');
INSERT INTO "decisions" VALUES('261121-162939-b4ac',3,1735914600000,'BTCUSDT','signal','Sell 0.017 BTCUSDT at about 58,663.2, stop 58,875.37, targets 58,451.03, 58,238.87, 58,026.7.','["Price came back to an order block.", "The block left a fair value gap behind.", "The trade goes with the trend.", "The bar was rejected at the block and closed in its favour.", "The block had not been touched before.", "The bar also reached a fair value gap that is still open."]','good');
CREATE TABLE fills (
	fill_id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	seq BIGINT NOT NULL, 
	order_id VARCHAR NOT NULL, 
	symbol VARCHAR NOT NULL, 
	decision BIGINT NOT NULL, 
	time BIGINT NOT NULL, 
	leg VARCHAR NOT NULL, 
	side VARCHAR NOT NULL, 
	price TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	fee TEXT NOT NULL, 
	slippage TEXT, 
	maker BOOLEAN NOT NULL, 
	reason VARCHAR, 
	CONSTRAINT pk_fills PRIMARY KEY (fill_id)
);
INSERT INTO "fills" VALUES('261121-162939-b4ac.f5','261121-162939-b4ac',5,'261121-162939-b4ac.1','BTCUSDT',1,1735914600000,'entry','sell','58663.2','0.017','0.39890976','0',0,NULL);
INSERT INTO "fills" VALUES('261121-162939-b4ac.f11','261121-162939-b4ac',11,'261121-162939-b4ac.3','BTCUSDT',1,1735916280000,'tp1','buy','58451.0','0.008','0.1870432','0',0,'target');
INSERT INTO "fills" VALUES('261121-162939-b4ac.f14','261121-162939-b4ac',14,'261121-162939-b4ac.4','BTCUSDT',1,1735918260000,'tp2','buy','58238.8','0.005','0.1164776','0',0,'target');
INSERT INTO "fills" VALUES('261121-162939-b4ac.f16','261121-162939-b4ac',16,'261121-162939-b4ac.5','BTCUSDT',1,1735918740000,'tp3','buy','58026.6','0.004','0.09284256','0',0,'target');
INSERT INTO "fills" VALUES('261121-162939-b4ac.f24','261121-162939-b4ac',24,'261121-162939-b4ac.6','BTCUSDT',2,1735923600000,'entry','sell','57937.8','0.017','0.39397704','0',0,NULL);
INSERT INTO "fills" VALUES('261121-162939-b4ac.f30','261121-162939-b4ac',30,'261121-162939-b4ac.8','BTCUSDT',2,1735926840000,'tp1','buy','57735.1','0.008','0.18475232','0',0,'target');
INSERT INTO "fills" VALUES('261121-162939-b4ac.f33','261121-162939-b4ac',33,'261121-162939-b4ac.7','BTCUSDT',2,1735927140000,'stop','buy','57937.8','0.009','0.20857608','0',0,'break_even');
INSERT INTO "fills" VALUES('261121-162939-b4ac.f42','261121-162939-b4ac',42,'261121-162939-b4ac.11','BTCUSDT',3,1736015400000,'entry','buy','59509.0','0.016','0.3808576','0.1',0,NULL);
INSERT INTO "fills" VALUES('261121-162939-b4ac.f48','261121-162939-b4ac',48,'261121-162939-b4ac.12','BTCUSDT',3,1736038680000,'stop','sell','59118.8','0.016','0.37836032','0',0,'stop');
INSERT INTO "fills" VALUES('261121-162939-b4ac.f58','261121-162939-b4ac',58,'261121-162939-b4ac.16','BTCUSDT',4,1736248500000,'entry','buy','58275.0','0.017','0.39627','0.1',0,NULL);
INSERT INTO "fills" VALUES('261121-162939-b4ac.f64','261121-162939-b4ac',64,'261121-162939-b4ac.17','BTCUSDT',4,1736251020000,'stop','sell','57953.0','0.017','0.3940804','0',0,'stop');
CREATE TABLE indicators (
	session_id VARCHAR NOT NULL, 
	symbol VARCHAR NOT NULL, 
	timeframe VARCHAR NOT NULL, 
	open_time BIGINT NOT NULL, 
	"values" JSON NOT NULL, 
	CONSTRAINT pk_indicators PRIMARY KEY (session_id, symbol, timeframe, open_time)
);
CREATE TABLE journal (
	session_id VARCHAR NOT NULL, 
	path TEXT NOT NULL, 
	bytes BIGINT NOT NULL, 
	last_seq BIGINT NOT NULL, 
	decisions_sha256 VARCHAR, 
	CONSTRAINT pk_journal PRIMARY KEY (session_id)
);
INSERT INTO "journal" VALUES('261121-162939-b4ac','',0,70,'a67ae1b198c80e10123f3d970941ed65bf4881db93b8ed60537736966723e0f1');
CREATE TABLE orders (
	order_id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	seq BIGINT NOT NULL, 
	client_order_id VARCHAR NOT NULL, 
	exchange_order_id VARCHAR, 
	symbol VARCHAR NOT NULL, 
	decision BIGINT NOT NULL, 
	leg VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	side VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	reason VARCHAR, 
	price TEXT, 
	trigger_price TEXT, 
	quantity TEXT NOT NULL, 
	filled_quantity TEXT NOT NULL, 
	requested_price TEXT, 
	filled_price TEXT, 
	slippage TEXT, 
	slippage_percent DOUBLE, 
	reduce_only BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	expires_at BIGINT, latency_ms DOUBLE, 
	CONSTRAINT pk_orders PRIMARY KEY (order_id), 
	CONSTRAINT uq_orders_client_order_id UNIQUE (client_order_id)
);
INSERT INTO "orders" VALUES('261121-162939-b4ac.1','261121-162939-b4ac',5,'261121-162939-b4ac.0.1.e.1',NULL,'BTCUSDT',1,'entry','market','sell','filled',NULL,NULL,NULL,'0.017','0.017','58663.2','58663.2','0',0.0,0,1735914600000,1735914660000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.3','261121-162939-b4ac',11,'261121-162939-b4ac.0.1.1.3',NULL,'BTCUSDT',1,'tp1','take_profit_market','buy','filled',NULL,NULL,'58451.0','0.008','0.008','58451','58451.0','0',0.0,1,1735914660000,1735916340000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.4','261121-162939-b4ac',14,'261121-162939-b4ac.0.1.2.4',NULL,'BTCUSDT',1,'tp2','take_profit_market','buy','filled',NULL,NULL,'58238.8','0.005','0.005','58238.8','58238.8','0',0.0,1,1735914660000,1735918320000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.5','261121-162939-b4ac',16,'261121-162939-b4ac.0.1.3.5',NULL,'BTCUSDT',1,'tp3','take_profit_market','buy','filled',NULL,NULL,'58026.6','0.004','0.004','58026.6','58026.6','0',0.0,1,1735914660000,1735918800000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.2','261121-162939-b4ac',17,'261121-162939-b4ac.0.1.s.2',NULL,'BTCUSDT',1,'stop','stop_market','buy','cancelled','target',NULL,'58663.2','0.004','0','58875.4',NULL,NULL,NULL,1,1735914660000,1735918800000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.6','261121-162939-b4ac',24,'261121-162939-b4ac.0.2.e.6',NULL,'BTCUSDT',2,'entry','market','sell','filled',NULL,NULL,NULL,'0.017','0.017','57937.8','57937.8','0',0.0,0,1735923600000,1735923660000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.8','261121-162939-b4ac',30,'261121-162939-b4ac.0.2.1.8',NULL,'BTCUSDT',2,'tp1','take_profit_market','buy','filled',NULL,NULL,'57735.1','0.008','0.008','57735.1','57735.1','0',0.0,1,1735923660000,1735926900000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.7','261121-162939-b4ac',33,'261121-162939-b4ac.0.2.s.7',NULL,'BTCUSDT',2,'stop','stop_market','buy','filled','break_even',NULL,'57937.8','0.009','0.009','58140.5','57937.8','0',0.0,1,1735923660000,1735927200000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.9','261121-162939-b4ac',34,'261121-162939-b4ac.0.2.2.9',NULL,'BTCUSDT',2,'tp2','take_profit_market','buy','cancelled','break_even',NULL,'57532.4','0.005','0','57532.4',NULL,NULL,NULL,1,1735923660000,1735927200000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.10','261121-162939-b4ac',35,'261121-162939-b4ac.0.2.3.a',NULL,'BTCUSDT',2,'tp3','take_profit_market','buy','cancelled','break_even',NULL,'57329.8','0.004','0','57329.8',NULL,NULL,NULL,1,1735923660000,1735927200000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.11','261121-162939-b4ac',42,'261121-162939-b4ac.0.3.e.b',NULL,'BTCUSDT',3,'entry','market','buy','filled',NULL,NULL,NULL,'0.016','0.016','59508.9','59509.0','0.1',1.68042091182999520472e-04,0,1736015400000,1736015460000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.12','261121-162939-b4ac',48,'261121-162939-b4ac.0.3.s.c',NULL,'BTCUSDT',3,'stop','stop_market','sell','filled',NULL,NULL,'59118.8','0.016','0.016','59118.8','59118.8','0',0.0,1,1736015460000,1736038740000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.13','261121-162939-b4ac',49,'261121-162939-b4ac.0.3.1.d',NULL,'BTCUSDT',3,'tp1','take_profit_market','sell','cancelled','stop',NULL,'59899.1','0.008','0','59899.1',NULL,NULL,NULL,1,1736015460000,1736038740000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.14','261121-162939-b4ac',50,'261121-162939-b4ac.0.3.2.e',NULL,'BTCUSDT',3,'tp2','take_profit_market','sell','cancelled','stop',NULL,'60289.2','0.004','0','60289.2',NULL,NULL,NULL,1,1736015460000,1736038740000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.15','261121-162939-b4ac',51,'261121-162939-b4ac.0.3.3.f',NULL,'BTCUSDT',3,'tp3','take_profit_market','sell','cancelled','stop',NULL,'60679.3','0.004','0','60679.3',NULL,NULL,NULL,1,1736015460000,1736038740000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.16','261121-162939-b4ac',58,'261121-162939-b4ac.0.4.e.g',NULL,'BTCUSDT',4,'entry','market','buy','filled',NULL,NULL,NULL,'0.017','0.017','58274.9','58275.0','0.1',1.71600466066865843051e-04,0,1736248500000,1736248560000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.17','261121-162939-b4ac',64,'261121-162939-b4ac.0.4.s.h',NULL,'BTCUSDT',4,'stop','stop_market','sell','filled',NULL,NULL,'57953.0','0.017','0.017','57953','57953.0','0',0.0,1,1736248560000,1736251080000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.18','261121-162939-b4ac',65,'261121-162939-b4ac.0.4.1.i',NULL,'BTCUSDT',4,'tp1','take_profit_market','sell','cancelled','stop',NULL,'58596.9','0.008','0','58596.9',NULL,NULL,NULL,1,1736248560000,1736251080000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.19','261121-162939-b4ac',66,'261121-162939-b4ac.0.4.2.j',NULL,'BTCUSDT',4,'tp2','take_profit_market','sell','cancelled','stop',NULL,'58918.8','0.005','0','58918.8',NULL,NULL,NULL,1,1736248560000,1736251080000,NULL,NULL);
INSERT INTO "orders" VALUES('261121-162939-b4ac.20','261121-162939-b4ac',67,'261121-162939-b4ac.0.4.3.k',NULL,'BTCUSDT',4,'tp3','take_profit_market','sell','cancelled','stop',NULL,'59240.7','0.004','0','59240.7',NULL,NULL,NULL,1,1736248560000,1736251080000,NULL,NULL);
CREATE TABLE positions (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	seq BIGINT NOT NULL, 
	symbol VARCHAR NOT NULL, 
	decision BIGINT NOT NULL, 
	side VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	quantity TEXT NOT NULL, 
	entry_time BIGINT NOT NULL, 
	entry_price TEXT NOT NULL, 
	stop_loss TEXT, 
	exit_time BIGINT, 
	exit_price TEXT, 
	exit_reason VARCHAR, 
	pnl TEXT, 
	fees TEXT, 
	funding TEXT, 
	slippage TEXT, 
	balance_after TEXT, 
	r_multiple DOUBLE, 
	mae DOUBLE, 
	mfe DOUBLE, 
	bars_held INTEGER, 
	CONSTRAINT pk_positions PRIMARY KEY (id)
);
INSERT INTO "positions" VALUES('12171bb5-dee1-5c89-839d-cd69858b1700','261121-162939-b4ac',18,'BTCUSDT',1,'SHORT','closed','0.017',1735914600000,'58663.2','58663.2',1735918740000,'58288.72941176','target','5.57072688','0.79527312','0','0','10005.57072688',1.54424984199142834029e+00,-7.99000000000014551923e+01,6.36599999999998544808e+02,4);
INSERT INTO "positions" VALUES('a2609a37-10c7-54be-99fe-69721355e039','261121-162939-b4ac',36,'BTCUSDT',2,'SHORT','closed','0.017',1735923600000,'57937.8','57937.8',1735927140000,'57842.41176471','break_even','0.83429456','0.78730544','0','0','10006.40502144',2.4211223773182136143e-01,-1.29999999999563442543e+00,215.0,3);
INSERT INTO "positions" VALUES('41efb8ec-6bd5-5942-93d8-eabfda01f6fc','261121-162939-b4ac',52,'BTCUSDT',3,'LONG','closed','0.016',1736015400000,'59509','59118.8',1736038680000,'59118.8','stop','-7.00241792','0.75921792','0','0.0016','9999.40260352',-1.12160717580727919973e+00,-3.90199999999997089623e+02,3.02800000000002910382e+02,25);
INSERT INTO "positions" VALUES('a04391f1-0f7e-53f2-b851-57f5cf512100','261121-162939-b4ac',68,'BTCUSDT',4,'LONG','closed','0.017',1736248500000,'58275','57953.0',1736251020000,'57953','stop','-6.2643504','0.7903504','0','0.0017','9993.13825312',-1.1443826086956523369e+00,-322.0,8.81999999999970896169e+01,2);
INSERT INTO "positions" VALUES('open','261121-162939-b4ac',80,'BTCUSDT',5,'SHORT','open','0.50',1736251020000,'58000.10','57000',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE risk_events (
	alert_id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	seq BIGINT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	severity VARCHAR NOT NULL, 
	symbol VARCHAR, 
	alert_type VARCHAR NOT NULL, 
	message TEXT NOT NULL, 
	details JSON NOT NULL, 
	acknowledged BOOLEAN NOT NULL, 
	CONSTRAINT pk_risk_events PRIMARY KEY (alert_id)
);
INSERT INTO "risk_events" VALUES('alert','261121-162939-b4ac',70,1736251020000,'WARNING',NULL,'daily_loss_limit','The loss of the day is 3.1 %.','{"value": 0.031}',1);
CREATE TABLE sessions (
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	mode VARCHAR NOT NULL, 
	strategy VARCHAR NOT NULL, 
	symbols JSON NOT NULL, 
	timeframe VARCHAR NOT NULL, 
	source TEXT NOT NULL, 
	parameters JSON, 
	started_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	halt_reason TEXT, 
	decisions_sha256 VARCHAR, 
	start_balance TEXT, 
	net_pnl TEXT, 
	CONSTRAINT pk_sessions PRIMARY KEY (id)
);
INSERT INTO "sessions" VALUES('261121-162939-b4ac','finished','paper','ict_blocks','["BTCUSDT"]','15m','demo','{"min_body_ratio": 0.7, "min_gap_percent": 0.1, "max_touches": 3, "max_age": 500, "min_strength": 3.0, "need_gap": 1, "trend": 200, "stop_atr": 0.25, "min_stop_atr": 0.5, "tp1_r": 1.0, "tp2_r": 2.0, "tp3_r": 3.0}',1795278579942,1736294400000,NULL,'a67ae1b198c80e10123f3d970941ed65bf4881db93b8ed60537736966723e0f1','10000','-6.86174688');
CREATE TABLE settings (
	id INTEGER NOT NULL, 
	session_id VARCHAR, 
	changed_at BIGINT NOT NULL, 
	changed_by VARCHAR NOT NULL, 
	"values" JSON NOT NULL, 
	CONSTRAINT pk_settings PRIMARY KEY (id)
);
INSERT INTO "settings" VALUES(1,'261121-162939-b4ac',1736000000000,'api','{"max_trades_day": 2}');
CREATE TABLE signals (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	seq BIGINT NOT NULL, 
	symbol VARCHAR NOT NULL, 
	decision BIGINT NOT NULL, 
	signal_type VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	confidence DOUBLE NOT NULL, 
	confidence_level VARCHAR NOT NULL, 
	price DOUBLE NOT NULL, 
	entry_price DOUBLE, 
	stop_loss DOUBLE, 
	tp_levels JSON NOT NULL, 
	position_size DOUBLE, 
	risk_reward_ratio DOUBLE, 
	indicators JSON NOT NULL, 
	reasons JSON NOT NULL, 
	generated_at BIGINT NOT NULL, 
	pending_at BIGINT, 
	executed_at BIGINT, 
	order_id VARCHAR, 
	execution_latency_ms DOUBLE, 
	reject_reason VARCHAR, 
	CONSTRAINT pk_signals PRIMARY KEY (id)
);
INSERT INTO "signals" VALUES('2689b99d-bb44-50e8-9d26-48868ccc3c9a','261121-162939-b4ac',3,'BTCUSDT',1,'sell','executed',6.91826869452533910198e-01,'medium',58663.2,58663.2,5.88753667514134067456e+04,'{"tp1": 58451.03324858659, "tp2": 58238.86649717318, "tp3": 58026.69974575977}',0.017,3.0,'{"regime": null, "regime_confidence": null, "block_low": 58749.2, "block_high": 58812.9, "block_strength": 3.8365373890506778, "block_touches": 1.0, "atr14": 249.8670056536281, "ema_trend": 58801.859208531154, "close": 58663.2}','["Price came back to an order block.", "The block left a fair value gap behind.", "The trade goes with the trend.", "The bar was rejected at the block and closed in its favour.", "The block had not been touched before.", "The bar also reached a fair value gap that is still open."]',1735914600000,NULL,1735914600000,'261121-162939-b4ac.1',0.0,NULL);
INSERT INTO "signals" VALUES('66c1eb65-9a3c-5ecb-9e03-fcdb49431844','261121-162939-b4ac',22,'BTCUSDT',2,'sell','executed',6.62124179997441664191e-01,'medium',57937.8,57937.8,58140.4659778676,'{"tp1": 57735.134022132406, "tp2": 57532.46804426481, "tp3": 57329.80206639721}',0.017,3.0,'{"regime": null, "regime_confidence": null, "block_low": 57957.8, "block_high": 58086.9, "block_strength": 3.242483599948832, "block_touches": 1.0, "atr14": 214.26391147040215, "ema_trend": 58741.22078510126, "close": 57937.8}','["Price came back to an order block.", "The block left a fair value gap behind.", "The trade goes with the trend.", "The bar was rejected at the block and closed in its favour.", "The block had not been touched before."]',1735923600000,NULL,1735923600000,'261121-162939-b4ac.6',0.0,NULL);
INSERT INTO "signals" VALUES('21808a9d-6af0-5f7a-8195-e50703f4c564','261121-162939-b4ac',40,'BTCUSDT',3,'buy','executed',0.659207436030682,'medium',59508.9,59508.9,5.91188248907299421274e+04,'{"tp1": 59898.97510927006, "tp2": 60289.05021854012, "tp3": 60679.12532781018}',0.016,3.0,'{"regime": null, "regime_confidence": null, "block_low": 59178.1, "block_high": 59343.0, "block_strength": 3.1841487206136394, "block_touches": 1.0, "atr14": 237.10043708023693, "ema_trend": 58248.14305319285, "close": 59508.9}','["Price came back to an order block.", "The block left a fair value gap behind.", "The trade goes with the trend.", "The bar was rejected at the block and closed in its favour.", "The block had not been touched before.", "The bar also reached a fair value gap that is still open."]',1736015400000,NULL,1736015400000,'261121-162939-b4ac.11',0.0,NULL);
INSERT INTO "signals" VALUES('06d997d3-7da2-5b49-9903-af01cb259007','261121-162939-b4ac',56,'BTCUSDT',4,'buy','executed',7.23721132450907411737e-01,'high',58274.9,58274.9,5.79530136374840512854e+04,'{"tp1": 58596.78636251595, "tp2": 58918.6727250319, "tp3": 59240.55908754785}',0.017,3.0,'{"regime": null, "regime_confidence": null, "block_low": 58007.5, "block_high": 58287.5, "block_strength": 4.474422649018148, "block_touches": 1.0, "atr14": 217.94545006379195, "ema_trend": 58076.53382832714, "close": 58274.9}','["Price came back to an order block.", "The block left a fair value gap behind.", "The trade goes with the trend.", "The bar was rejected at the block and closed in its favour.", "The block had not been touched before.", "The bar also reached a fair value gap that is still open."]',1736248500000,NULL,1736248500000,'261121-162939-b4ac.16',0.0,NULL);
CREATE INDEX ix_backtest_results_created_at ON backtest_results (created_at);
CREATE INDEX ix_fills_order_id ON fills (order_id);
CREATE INDEX ix_fills_session_id_time ON fills (session_id, time);
CREATE INDEX ix_orders_session_id_created_at ON orders (session_id, created_at);
CREATE INDEX ix_positions_session_id_exit_time ON positions (session_id, exit_time);
CREATE INDEX ix_risk_events_session_id_timestamp ON risk_events (session_id, timestamp);
CREATE INDEX ix_sessions_started_at ON sessions (started_at);
CREATE INDEX ix_signals_order_id ON signals (order_id);
CREATE INDEX ix_signals_session_id_generated_at ON signals (session_id, generated_at);
COMMIT;
